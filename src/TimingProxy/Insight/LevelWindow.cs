namespace TimingProxy.Insight;

/// <summary>What happened at one number of requests in flight within a window.</summary>
/// <param name="InFlight">Requests in flight; for a class of numbers its middle.</param>
/// <param name="Seconds">Time spent there.</param>
/// <param name="Departures">Answers that came there.</param>
/// <param name="Answers">Answers to requests that had found themselves there when they started, themselves included.</param>
/// <param name="UpstreamSeconds">Upstream time of those answers.</param>
/// <param name="UpstreamSquares">Sum of the squares of those upstream times, in s².</param>
internal readonly record struct LevelCell(
    double InFlight, double Seconds, double Departures, double Answers, double UpstreamSeconds, double UpstreamSquares);

/// <summary>A short window of time, cut by the number of requests in flight; levels at which no time was spent, and level 0, are left out.</summary>
/// <param name="Growth">Requests in flight at the end, less those at the beginning.</param>
/// <param name="Seconds">How long it is, idleness included.</param>
internal sealed record LevelWindow(LevelCell[] Cells, int Growth = 0, double Seconds = 1)
{
    public double Departures => Cells.Sum(cell => cell.Departures);

    /// <summary>Requests that came, less those that left without an answer.</summary>
    public double Arrivals => Math.Max(0, Departures + Growth);

    public double BusySeconds => Cells.Sum(cell => cell.Seconds);
}
