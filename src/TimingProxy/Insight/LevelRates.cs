namespace TimingProxy.Insight;

/// <summary>Departures per second at one number of requests in flight, with its 95 % interval.</summary>
internal readonly record struct LevelRate(LevelCell Level, double PerSecond, double Low, double High);

/// <summary>The evidence behind the verdict as a picture shows it: the departure rate by requests in flight.</summary>
internal static class LevelRates
{
    private const double Quantile975 = 1.96;
    private const int LeastWindows = 8;

    /// <summary>
    /// By level, lowest first. The interval is that of a ratio of sums over windows, which are taken to be independent; where there are few
    /// of them, that of a count.
    /// </summary>
    public static IReadOnlyList<LevelRate> Of(IReadOnlyList<LevelWindow> windows) =>
    [
        .. windows.SelectMany(window => window.Cells).Where(cell => cell.Seconds > 0).GroupBy(cell => cell.InFlight).OrderBy(level => level.Key)
            .Select(level => Rate([.. level])),
    ];

    /// <summary>
    /// Departures per second of each request that is worked on: the slope of the line that goes through the origin and is flat from
    /// <paramref name="limit"/> on. 0 of nothing.
    /// </summary>
    public static double DeparturesEach(IReadOnlyList<LevelRate> levels, double limit)
    {
        double worked = levels.Sum(level => level.Level.Seconds * Math.Min(level.Level.InFlight, limit));
        return worked > 0 ? levels.Sum(level => level.Level.Departures) / worked : 0;
    }

    private static LevelRate Rate(LevelCell[] cells)
    {
        var sum = new LevelCell(
            cells[0].InFlight,
            cells.Sum(cell => cell.Seconds),
            cells.Sum(cell => cell.Departures),
            cells.Sum(cell => cell.Answers),
            cells.Sum(cell => cell.UpstreamSeconds),
            cells.Sum(cell => cell.UpstreamSquares));
        double rate = sum.Departures / sum.Seconds;
        double squares = cells.Sum(cell => Math.Pow(cell.Departures - (rate * cell.Seconds), 2));
        double error = cells.Length >= LeastWindows && sum.Departures >= LeastWindows
            ? Math.Sqrt(squares * cells.Length / (cells.Length - 1))
            : Math.Sqrt(Math.Max(1, sum.Departures));
        double half = Quantile975 * error / sum.Seconds;
        return new LevelRate(sum, rate, Math.Max(0, rate - half), rate + half);
    }
}
