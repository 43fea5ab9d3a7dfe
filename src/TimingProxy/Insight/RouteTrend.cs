namespace TimingProxy.Insight;

/// <summary>Sums over answers of a short time, from which the slope of upstream time against requests in flight on arrival follows.</summary>
/// <param name="Answers">Answers.</param>
/// <param name="InFlight">Sum of the requests in flight when they started, themselves included.</param>
/// <param name="InFlightSquared">Sum of the squares of these.</param>
/// <param name="Seconds">Sum of upstream times.</param>
/// <param name="Product">Sum of upstream time times requests in flight.</param>
internal readonly record struct TrendSums(double Answers, double InFlight, double InFlightSquared, double Seconds, double Product)
{
    public double Variance => InFlightSquared - (InFlight * InFlight / Answers);

    public double Covariance => Product - (InFlight * Seconds / Answers);
}

/// <summary>A route's trend within one window of ten seconds.</summary>
internal readonly record struct RouteTrend(string Route, TrendSums Sums);

/// <summary>
/// Whether all routes wait in the same line. Where they do, each waits the same time for every request before it, the fastest too; where one
/// route waits for something of its own, a lock say, the others do not slow down with it.
/// </summary>
internal static class SharedLine
{
    private const double LeastAnswers = 50;
    private const double Unconcerned = 0.4;
    private const double ToleratedShare = 0.25;
    private const double Errors = 2;

    /// <summary>The route that waits alone; null where routes wait together, or where nothing can be told.</summary>
    public static string? WaitsAlone(IReadOnlyList<RouteTrend> trends)
    {
        var routes = trends.Where(trend => trend.Sums.Answers > 1).GroupBy(trend => trend.Route, StringComparer.Ordinal)
            .Select(group => Slope(group.Key, [.. group.Select(trend => trend.Sums)]))
            .Where(route => route.Answers >= LeastAnswers && route.Variance > 0).ToArray();
        double variance = routes.Sum(route => route.Variance);
        if (routes.Length < 2 || variance <= 0)
        {
            return null;
        }

        double common = routes.Sum(route => route.Seconds * route.Variance) / variance;
        double unconcerned = routes.Where(route => route.Seconds + (Errors * route.Error) < Unconcerned * common).Sum(route => route.Answers);
        return unconcerned > ToleratedShare * routes.Sum(route => route.Answers)
            ? routes.MaxBy(route => route.Seconds - (Errors * route.Error)).Route
            : null;
    }

    /// <summary>Seconds of upstream time for each request more in flight, within windows, with its standard error.</summary>
    private static (string Route, double Answers, double Variance, double Seconds, double Error) Slope(string route, TrendSums[] windows)
    {
        double variance = windows.Sum(window => window.Variance);
        double slope = variance > 0 ? windows.Sum(window => window.Covariance) / variance : 0;
        double squares = windows.Sum(window => Math.Pow(window.Covariance - (slope * window.Variance), 2));
        return (route, windows.Sum(window => window.Answers), variance, slope, variance > 0 ? Math.Sqrt(squares) / variance : 0);
    }
}
