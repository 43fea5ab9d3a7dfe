using TimingProxy.Timing;

namespace TimingProxy.Insight;

/// <summary>A second, cut by requests in flight, in half the room that a <see cref="LevelWindow"/> takes.</summary>
internal sealed class StoredLevels
{
    private readonly Level[] _levels;
    private readonly int _growth;
    private readonly float _seconds;

    private StoredLevels(DateTimeOffset to, Level[] levels, int growth, float seconds) => (To, _levels, _growth, _seconds) = (to, levels, growth, seconds);

    public DateTimeOffset To { get; }

    /// <summary>What has happened at each level between two readings of the ledger, which had <paramref name="growth"/> more in flight at the second.</summary>
    public static StoredLevels Between(
        DateTimeOffset to, ReadOnlySpan<LevelTotals> before, ReadOnlySpan<LevelTotals> now, int growth, RequestClock clock)
    {
        var levels = new List<Level>();
        long ticks = 0;
        for (int i = 0; i < now.Length; i++)
        {
            // With that of idleness, all time that has passed.
            ticks += now[i].Ticks - before[i].Ticks;
            if (i > 0 && now[i] != before[i])
            {
                levels.Add(new Level(
                    (byte)i,
                    (float)clock.ToSeconds(now[i].Ticks - before[i].Ticks),
                    (uint)(now[i].Departures - before[i].Departures),
                    (uint)(now[i].Answers - before[i].Answers),
                    (float)clock.ToSeconds(now[i].UpstreamTicks - before[i].UpstreamTicks),
                    (float)((now[i].UpstreamSquares - before[i].UpstreamSquares) * LevelTotals.SquareSeconds)));
            }
        }

        return new StoredLevels(to, [.. levels], growth, (float)clock.ToSeconds(ticks));
    }

    public LevelWindow Open() => new(
    [
        .. _levels.Select(level => new LevelCell(
            (InFlightLevels.LowerBound(level.Index) + InFlightLevels.UpperBound(level.Index)) / 2.0,
            level.Seconds,
            level.Departures,
            level.Answers,
            level.UpstreamSeconds,
            level.UpstreamSquares)),
    ], _growth, _seconds);

    private readonly record struct Level(byte Index, float Seconds, uint Departures, uint Answers, float UpstreamSeconds, float UpstreamSquares);
}
