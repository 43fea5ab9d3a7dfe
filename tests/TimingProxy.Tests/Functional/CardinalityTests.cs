using System.Text;
using System.Text.RegularExpressions;
using TimingProxy.Metrics;
using TimingProxy.Routes;
using TimingProxy.Timing;

namespace TimingProxy.Tests.Functional;

/// <summary>However wild the traffic, the metrics stay small.</summary>
[Collection(nameof(RunsAlone))]
public sealed partial class CardinalityTests
{
    private const int Requests = 100_000;

    [Theory]
    [InlineData(false, 100, 1000)]
    [InlineData(true, 100, 1000)]
    [InlineData(true, 10, 50)]
    public async Task Metrics_RandomRequests_StayBounded(bool learn, int maxRoutes, int maxSeries)
    {
        await using var proxy = await ProxyHarness.StartAsync(
            RawBackend.Nobody(), $"Metrics:LearnRoutes={learn}", $"Metrics:MaxRoutes={maxRoutes}", $"Metrics:MaxSeries={maxSeries}");
        var labels = proxy.Services.GetRequiredService<RouteLabels>();
        var metrics = proxy.Services.GetRequiredService<RequestMetrics>();
        var clock = proxy.Services.GetRequiredService<RequestClock>();
        var load = new ClusterLoad("upstream");
        var random = new Random(7);
        var insight = new HashSet<string>();
        for (int i = 0; i < Requests; i++)
        {
            var timing = new RequestTiming(Request(random), clock) { MatchedRoute = RequestTiming.DefaultRoute };
            timing.MarkForwarded(load);
            timing.MarkStarted();
            timing.MarkResponded(hasResponse: random.Next(20) != 0);
            timing.ErrorType = timing.HasResponse ? null : ErrorType.Reset;
            timing.MarkCompleted();
            labels.Label(timing);
            metrics.OnCompleted(timing);
            insight.Add(timing.InsightRoute);
        }

        string text = await proxy.MetricsTextAsync();
        Assert.True(text.Length < 3 * 1024 * 1024, $"A scrape has {text.Length} bytes.");
        string[] ours = [.. text.Split('\n').Where(line => line.StartsWith("timingproxy_", StringComparison.Ordinal))];
        string[] routes = [.. ours.Select(line => Route().Match(line)).Where(match => match.Success).Select(match => match.Groups[1].Value).Distinct()];
        Assert.InRange(routes.Length, 1, maxRoutes + 2);
        Assert.Equal(learn, routes.Length > 2);
        foreach (var histogram in ours.Where(line => line.Contains("_count", StringComparison.Ordinal)).GroupBy(line => line.Split('{')[0]))
        {
            Assert.InRange(histogram.Count(), 1, maxSeries);
        }

        var methods = ours.Select(line => Method().Match(line)).Where(match => match.Success).Select(match => match.Groups[1].Value).Distinct();
        Assert.Contains("_OTHER", methods);
        Assert.DoesNotContain(methods, method => method.StartsWith('M'));
        Assert.Equal(Requests, TotalOf(ours, "timingproxy_request_duration_seconds_count"));
        Assert.DoesNotContain("otel_metric_overflow", text, StringComparison.Ordinal);
        // What the page has shown in all this time; it shows no more than its room at any one time.
        Assert.DoesNotContain(insight, route => route.Contains("secret", StringComparison.Ordinal));
    }

    private static double TotalOf(string[] lines, string name) => lines.Where(line => line.StartsWith(name, StringComparison.Ordinal))
        .Sum(line => double.Parse(line[(line.LastIndexOf('}') + 1)..].Trim().Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture));

    private static DefaultHttpContext Request(Random random)
    {
        var context = new DefaultHttpContext();
        var path = new StringBuilder();
        for (int depth = random.Next(1, 6); depth > 0; depth--)
        {
            path.Append('/').Append(random.Next(3) switch
            {
                0 => $"word{(char)('a' + random.Next(12))}",
                1 => random.Next().ToString(System.Globalization.CultureInfo.InvariantCulture),
                _ => Guid.NewGuid().ToString("N")[..random.Next(1, 32)],
            });
        }

        context.Request.Method = random.Next(4) == 0 ? $"M{random.Next()}" : random.Next(2) == 0 ? "GET" : "POST";
        context.Request.Path = random.Next(50) == 0 ? $"/secret{random.Next()}" : path.ToString();
        context.Request.Host = new HostString($"host{random.Next()}.example");
        context.Response.StatusCode = random.Next(3) == 0 ? random.Next(1, 1000) : 200;
        return context;
    }

    [GeneratedRegex("route=\"([^\"]*)\"")]
    private static partial Regex Route();

    [GeneratedRegex("http_request_method=\"([^\"]*)\"")]
    private static partial Regex Method();
}
