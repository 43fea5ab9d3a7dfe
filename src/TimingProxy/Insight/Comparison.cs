namespace TimingProxy.Insight;

/// <summary>How the later of two measurements stands to the earlier.</summary>
internal enum Change
{
    NoWorse,
    Worse,
    CannotTell,
}

/// <summary>A difference of mean upstream times, after less before, with its 95 % interval; milliseconds.</summary>
internal readonly record struct Difference(double BeforeMs, double AfterMs, double LowMs, double HighMs)
{
    /// <summary>What is let pass as no worse: five in a hundred of what it was.</summary>
    private const double Margin = 0.05;

    public double Ms => AfterMs - BeforeMs;

    public Change Change => LowMs > 0 && Ms > Margin * BeforeMs
        ? Change.Worse
        : HighMs <= Margin * BeforeMs ? Change.NoWorse : Change.CannotTell;
}

/// <param name="Weight">Share of the mix that both measurements are put to.</param>
internal sealed record RouteComparison(string Route, double Weight, double BeforeCount, double AfterCount, Difference Difference);

/// <summary>
/// Compares two measurements route by route, and in total as if both had the same mix of routes: a route that is merely asked for more often
/// is no slow-down. Means and variances come from the histograms; the interval is the normal one for a difference of means. Requests that wait
/// in the same line are not independent, so under overload the true interval is wider.
/// </summary>
internal sealed record Comparison(IReadOnlyList<RouteComparison> Routes, Difference Total, IReadOnlyList<string> LeftOut)
{
    private const double Quantile975 = 1.96;
    private const double LeastCount = 30;

    public Change Change => Routes.Count == 0 ? Change.CannotTell : Total.Change;

    public static Comparison Of(Snapshot before, Snapshot after)
    {
        string[] both = [.. before.Routes.Keys.Intersect(after.Routes.Keys).Where(route => before.Routes[route].Count >= LeastCount && after.Routes[route].Count >= LeastCount)];
        double all = both.Sum(route => before.Routes[route].Count + after.Routes[route].Count);
        var routes = both
            .Select(route => Compare(before.Routes[route], after.Routes[route], all))
            .OrderByDescending(route => route.Weight * Math.Abs(route.Difference.Ms))
            .ToList();
        double error = Math.Sqrt(routes.Sum(route => Math.Pow(route.Weight * (route.Difference.HighMs - route.Difference.Ms), 2)));
        double beforeMs = routes.Sum(route => route.Weight * route.Difference.BeforeMs);
        double afterMs = routes.Sum(route => route.Weight * route.Difference.AfterMs);
        return new Comparison(
            routes,
            new Difference(beforeMs, afterMs, afterMs - beforeMs - error, afterMs - beforeMs + error),
            [.. before.Routes.Keys.Union(after.Routes.Keys).Except(both).Order(StringComparer.Ordinal)]);
    }

    private static RouteComparison Compare(SnapshotRoute before, SnapshotRoute after, double all)
    {
        double difference = after.MeanMs - before.MeanMs;
        double error = Quantile975 * Math.Sqrt((before.Variance / before.Count) + (after.Variance / after.Count));
        return new RouteComparison(
            before.Route,
            (before.Count + after.Count) / all,
            before.Count,
            after.Count,
            new Difference(before.MeanMs, after.MeanMs, difference - error, difference + error));
    }
}
