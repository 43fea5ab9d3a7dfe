using System.Globalization;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd.Lab;

/// <summary>
/// The first of the two usual mistakes: a release asks the database synchronously in an async view, and Django refuses. (The second, a
/// sync-only middleware in an async stack, is a shift that <see cref="HopTests"/> shows.)
/// </summary>
public sealed class MistakeTests
{
    private const int Requests = 30;
    private const string Route = "/async/articles/{id}";

    // A window of the page lasts ten seconds, of a clock that a busy machine may hold up, and no second one has passed.
    private static readonly TimeSpan OneWindow = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task SyncOrmInAsyncView_Released_IsTheRoutesErrorShareWithinOneWindow()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        int port;
        ProxyProcess proxy;
        await using (var good = await DjangoApp.StartAsync("uvicorn", cancellationToken))
        {
            port = good.Port;
            proxy = await ProxyProcess.InFrontOfAsync(port, cancellationToken, ("METRICS__LEARNROUTES", "true"));
            await AskAsync(proxy, 200, cancellationToken);
        }

        await using var stopping = proxy;
        await using var bad = await DjangoApp.StartAsync("uvicorn", cancellationToken, port: port, settings: [("LEGACY_SYNC_ORM_IN_ASYNC_VIEW", "on")]);
        await AskAsync(proxy, 500, cancellationToken);
        Assert.Contains("SynchronousOnlyOperation", bad.Story, StringComparison.Ordinal);

        var scrape = await proxy.ScrapeUntilAsync(Shows500, $"the failures of {Route}", cancellationToken);
        Assert.Equal(Requests, scrape.Sum("timingproxy_request_duration_seconds_count", ("http_response_status_code", "500")));
        InsightData? page = null;
        await Until.TrueAsync(
            async () => (page = await InsightData.ReadAsync(proxy, cancellationToken)).Count == 2 * Requests,
            () => $"The page shows {page?.Text}",
            cancellationToken,
            OneWindow);
        // The first twenty answers are under `default`: a route must have proved itself before it is one.
        var route = page!.Route(Route);
        Assert.Equal(Requests, route.GetProperty("errorShare").GetDouble() * route.GetProperty("count").GetInt32(), 0.01);
        Assert.True(route.GetProperty("errorShare").GetDouble() > 0.5, $"{route}");
        Assert.Equal(Requests, page.Root.GetProperty("timeline").EnumerateArray().Sum(window => window.GetProperty("errors").GetInt32()));
    }

    private static bool Shows500(Scrape scrape) =>
        scrape.Sum("timingproxy_upstream_duration_seconds_count", ("route", Route), ("http_response_status_code", "500")) == Requests;

    private static async Task AskAsync(ProxyProcess proxy, int status, CancellationToken cancellationToken)
    {
        for (var i = 1; i <= Requests; i++)
        {
            var answer = await proxy.GetAsync(string.Create(CultureInfo.InvariantCulture, $"/async/articles/{i}"), cancellationToken);
            Assert.Equal(status, answer.Status);
            Assert.True(answer.RenderMs >= 0);
        }
    }
}
