namespace TimingProxy.Insight;

/// <summary>What happened at one number of requests in flight within a window.</summary>
/// <param name="InFlight">Requests in flight; for a class of numbers its middle.</param>
/// <param name="Seconds">Time spent there.</param>
/// <param name="Departures">Answers that came there.</param>
/// <param name="Answers">Answers to requests that had found themselves there when they started, themselves included.</param>
/// <param name="UpstreamSeconds">Upstream time of those answers.</param>
internal readonly record struct LevelCell(double InFlight, double Seconds, double Departures, double Answers, double UpstreamSeconds);

/// <summary>A short window of time, cut by the number of requests in flight; levels at which no time was spent, and level 0, are left out.</summary>
internal sealed record LevelWindow(LevelCell[] Cells)
{
    public double Departures => Cells.Sum(cell => cell.Departures);

    public double BusySeconds => Cells.Sum(cell => cell.Seconds);
}
