namespace TimingProxy.Insight;

/// <summary>Latency quantiles in milliseconds.</summary>
internal readonly record struct Quantiles(double P50Ms, double P99Ms);

/// <summary>
/// What more workers would give at the observed arrivals: plays the windows again with W and with more, and scales what was observed by
/// the ratio of the two. Arrivals are random within a stretch of windows, service times log-normal around the stretch's own mean.
/// </summary>
internal static class MoreWorkers
{
    private const int MaxRequests = 20_000;

    // So long a stretch has a rate of its own. In a shorter one chance would count twice: once as it was, and once as it is played.
    private const int StretchWindows = 20;

    // Of the logarithm: a coefficient of variation of one.
    private const double Spread = 0.83;

    public static Quantiles Predict(IReadOnlyList<LevelWindow> windows, double limit, int workers, Quantiles observed)
    {
        int now = Math.Max(1, (int)Math.Round(limit));
        var played = Play(windows, limit, now);
        var more = Play(windows, limit, workers);
        return new Quantiles(Scale(observed.P50Ms, more.P50Ms, played.P50Ms), Scale(observed.P99Ms, more.P99Ms, played.P99Ms));
    }

    private static double Scale(double observed, double more, double played) => played > 0 ? observed * Math.Min(1, more / played) : observed;

    private static Quantiles Play(IReadOnlyList<LevelWindow> windows, double limit, int workers)
    {
        var random = new Random(1);
        var free = new PriorityQueue<double, double>();
        for (int i = 0; i < workers; i++)
        {
            free.Enqueue(0, 0);
        }

        var latencies = new List<double>();
        double start = 0;
        foreach (var stretch in windows.Chunk(StretchWindows))
        {
            double answers = stretch.Sum(window => window.Departures);
            double meanService = stretch.Sum(window => window.Cells.Sum(cell => cell.Seconds * Math.Min(cell.InFlight, limit))) / answers;
            double departures = answers / stretch.Length;
            double at = start;
            start += stretch.Length;
            while (departures > 0 && latencies.Count < MaxRequests && (at -= Math.Log(1 - random.NextDouble()) / departures) < start)
            {
                double begin = Math.Max(at, free.Dequeue());
                double end = begin + (meanService * Math.Exp((Spread * Normal(random)) - (Spread * Spread / 2)));
                free.Enqueue(end, end);
                latencies.Add(end - at);
            }
        }

        latencies.Sort();
        return latencies.Count == 0
            ? default
            : new Quantiles(1000 * latencies[latencies.Count / 2], 1000 * latencies[(int)(latencies.Count * 0.99)]);
    }

    private static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
