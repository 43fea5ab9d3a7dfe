namespace TimingProxy.Insight;

/// <summary>What one route did in the time that is looked at.</summary>
/// <param name="UpstreamShare">Of all upstream seconds: where tuning pays.</param>
/// <param name="App">What the app said of its own time.</param>
/// <param name="FreedByHalving">Share of all upstream seconds that would be gone if the route took half its time.</param>
internal sealed record RouteSummary(
    string Route,
    long Requests,
    double RatePerSecond,
    double ErrorShare,
    double UpstreamSeconds,
    double UpstreamShare,
    double FreedByHalving,
    AppTime App,
    LatencyHistogram Latency);

/// <summary>Puts the windows of routes together and in order.</summary>
internal static class RouteRanking
{
    /// <summary>Routes by share of upstream time, greatest first.</summary>
    public static IReadOnlyList<RouteSummary> Of(IReadOnlyList<TimeWindow> windows)
    {
        double seconds = windows.Sum(window => window.Seconds);
        double all = windows.Sum(window => window.Routes.Sum(route => route.UpstreamSeconds));
        return
        [
            .. windows.SelectMany(window => window.Routes).GroupBy(route => route.Route, StringComparer.Ordinal)
                .Select(group => Summary(group.Key, [.. group], seconds, all))
                .OrderByDescending(route => route.UpstreamShare)
                .ThenBy(route => route.Route, StringComparer.Ordinal),
        ];
    }

    /// <summary>All routes as one.</summary>
    public static RouteSummary Total(IReadOnlyList<TimeWindow> windows)
    {
        RouteWindow[] all = [.. windows.SelectMany(window => window.Routes)];
        return Summary("all", all, windows.Sum(window => window.Seconds), all.Sum(route => route.UpstreamSeconds));
    }

    public static LatencyHistogram Latency(IEnumerable<RouteWindow> windows)
    {
        var latency = new LatencyHistogram();
        foreach (var (bucket, count) in windows.SelectMany(window => window.Buckets))
        {
            latency.Add(bucket, count);
        }

        return latency;
    }

    private static RouteSummary Summary(string route, RouteWindow[] windows, double seconds, double allUpstreamSeconds)
    {
        long requests = windows.Sum(window => window.Requests);
        double upstream = windows.Sum(window => window.UpstreamSeconds);
        double share = allUpstreamSeconds > 0 ? upstream / allUpstreamSeconds : 0;
        return new RouteSummary(
            route,
            requests,
            seconds > 0 ? requests / seconds : 0,
            requests > 0 ? windows.Sum(window => window.Errors) / (double)requests : 0,
            upstream,
            share,
            share / 2,
            windows.Aggregate(default(AppTime), (sum, window) => sum + window.App),
            Latency(windows));
    }
}
