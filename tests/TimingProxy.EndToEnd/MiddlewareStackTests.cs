using System.Globalization;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>Apps that time themselves: their figure is replaced by ours and kept as a metric. (Whether the two agree: Lab/AgreementTests.)</summary>
public sealed class MiddlewareStackTests
{
    [Theory]
    [InlineData("gunicorn", "sync-timing")]
    [InlineData("uvicorn", "async-timing")]
    public async Task OwnRenderMs_OfTimingMiddleware_IsReplacedAndReported(string server, string middleware)
    {
        const int requests = 5;
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var app = await DjangoApp.StartAsync(server, cancellationToken, middleware, workers: 1);
        await using var proxy = await ProxyProcess.InFrontOfAsync(app.Port, cancellationToken);

        var direct = await RawClient.GetAsync(app.Port, "/sleep", cancellationToken);
        Assert.InRange(direct.RenderMs, 50, 500);
        var stamped = 0.0;
        for (var i = 0; i < requests; i++)
        {
            stamped += (await proxy.GetAsync("/sleep", cancellationToken)).RenderMs;
        }

        var scrape = await proxy.ScrapeUntilAsync(
            s => s.Sum("timingproxy_app_reported_duration_seconds_count") == requests, $"{requests} figures of the app", cancellationToken);
        var reported = scrape.Sum("timingproxy_app_reported_duration_seconds_sum") * 1000;
        var queued = scrape.Sum("timingproxy_app_queue_duration_seconds_sum") * 1000;
        Assert.InRange(reported, requests * 50, stamped + 1);
        Assert.Equal(requests, scrape.Sum("timingproxy_app_queue_duration_seconds_count"));
        Assert.True(
            Math.Abs(stamped - reported - queued) < 1,
            string.Create(CultureInfo.InvariantCulture, $"stamped {stamped} ms, reported by the app {reported} ms, queued {queued} ms"));
    }
}
