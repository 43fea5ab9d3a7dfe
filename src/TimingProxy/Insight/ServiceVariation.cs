using TimingProxy.Timing;

namespace TimingProxy.Insight;

/// <summary>
/// How much service times differ. A request that finds a free worker does not wait, so the upstream times of those that found at most W in flight are
/// service times.
/// </summary>
internal static class ServiceVariation
{
    /// <summary>
    /// Windows within which the mean service time is taken to be the same. Deviations count from the stretch's own mean, so that a service that
    /// becomes slower and faster by and by is not taken for one whose requests differ.
    /// </summary>
    public const int StretchWindows = 20;

    /// <summary>That of an exponential distribution, where too little is known.</summary>
    private const double Unknown = 1;

    private const double LeastOfStretch = 10;
    private const double LeastOfAll = 30;

    /// <summary>Coefficient of variation (standard deviation over mean) of service times behind <paramref name="workers"/>; 0 where all take the same time.</summary>
    public static double Of(IReadOnlyList<LevelWindow> windows, int workers)
    {
        double deviations = 0;
        double freedom = 0;
        double all = 0;
        foreach (var stretch in windows.Chunk(StretchWindows))
        {
            var (answers, sum, squares) = FoundAWorker(stretch, workers);
            if (answers >= LeastOfStretch && sum > 0)
            {
                double mean = sum / answers;
                deviations += (squares - (sum * mean)) / (mean * mean);
                freedom += answers - 1;
                all += answers;
            }
        }

        // Below 0 only by rounding.
        return all < LeastOfAll ? Unknown : Math.Sqrt(Math.Max(0, deviations / freedom));
    }

    private static (double Answers, double Seconds, double Squares) FoundAWorker(LevelWindow[] stretch, int workers)
    {
        double answers = 0;
        double seconds = 0;
        double squares = 0;
        foreach (var window in stretch)
        {
            foreach (var cell in window.Cells)
            {
                // Of a level that holds several numbers, some may be above.
                if (InFlightLevels.UpperBound(InFlightLevels.IndexOf((int)cell.InFlight)) <= workers)
                {
                    answers += cell.Answers;
                    seconds += cell.UpstreamSeconds;
                    squares += cell.UpstreamSquares;
                }
            }
        }

        return (answers, seconds, squares);
    }
}
