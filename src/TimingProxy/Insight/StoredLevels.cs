using TimingProxy.Timing;

namespace TimingProxy.Insight;

/// <summary>A second, cut by requests in flight, in half the room that a <see cref="LevelWindow"/> takes.</summary>
internal sealed class StoredLevels
{
    private readonly Level[] _levels;

    private StoredLevels(DateTimeOffset to, Level[] levels) => (To, _levels) = (to, levels);

    public DateTimeOffset To { get; }

    /// <summary>What has happened at each level between two readings of the ledger.</summary>
    public static StoredLevels Between(DateTimeOffset to, ReadOnlySpan<LevelTotals> before, ReadOnlySpan<LevelTotals> now, RequestClock clock)
    {
        var levels = new List<Level>();
        for (int i = 1; i < now.Length; i++)
        {
            if (now[i] != before[i])
            {
                levels.Add(new Level(
                    (byte)i,
                    (float)clock.ToSeconds(now[i].Ticks - before[i].Ticks),
                    (uint)(now[i].Departures - before[i].Departures),
                    (uint)(now[i].Answers - before[i].Answers),
                    (float)clock.ToSeconds(now[i].UpstreamTicks - before[i].UpstreamTicks)));
            }
        }

        return new StoredLevels(to, [.. levels]);
    }

    public LevelWindow Open() => new(
    [
        .. _levels.Select(level => new LevelCell(
            (InFlightLevels.LowerBound(level.Index) + InFlightLevels.UpperBound(level.Index)) / 2.0,
            level.Seconds,
            level.Departures,
            level.Answers,
            level.UpstreamSeconds)),
    ]);

    private readonly record struct Level(byte Index, float Seconds, uint Departures, uint Answers, float UpstreamSeconds);
}
