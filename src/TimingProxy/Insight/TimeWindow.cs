namespace TimingProxy.Insight;

/// <summary>All routes of a window of time.</summary>
/// <param name="DisturbedSeconds">Time in it in which the clock may have been read late, summed over causes.</param>
internal sealed record TimeWindow(DateTimeOffset From, DateTimeOffset To, RouteWindow[] Routes, double DisturbedSeconds)
{
    // Less than that moves no quantile that could be told from chance.
    private const double ToleratedDisturbance = 0.05;

    public double Seconds => (To - From).TotalSeconds;

    /// <summary>Whether its latencies are to be read with care.</summary>
    public bool IsDisturbed => DisturbedSeconds > ToleratedDisturbance * Seconds;

    /// <summary>This window and the one that follows it as one; nothing but the time of what happened is lost.</summary>
    public TimeWindow With(TimeWindow next) => new(
        From,
        next.To,
        [.. Routes.Concat(next.Routes).GroupBy(route => route.Route, StringComparer.Ordinal).Select(group => Sum([.. group]))],
        DisturbedSeconds + next.DisturbedSeconds);

    private static RouteWindow Sum(RouteWindow[] windows) => windows.Length == 1
        ? windows[0]
        : new RouteWindow(
            windows[0].Route,
            windows.Sum(window => window.Requests),
            windows.Sum(window => window.Errors),
            windows.Sum(window => window.Unanswered),
            windows.Sum(window => window.UpstreamSeconds),
            windows.Aggregate(default(AppTime), (sum, window) => sum + window.App),
            [
                .. windows.SelectMany(window => window.Buckets).GroupBy(bucket => bucket.Bucket).OrderBy(bucket => bucket.Key)
                    .Select(bucket => (bucket.Key, (uint)bucket.Sum(each => each.Count))),
            ]);
}
