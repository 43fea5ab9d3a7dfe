using TimingProxy.Timing;

namespace TimingProxy.Tests.Functional;

/// <summary>Requests above a limit: turned away, or made to wait.</summary>
[Collection(nameof(RunsAlone))]
public sealed class LimitsTests
{
    [Fact]
    public async Task MaxConcurrentRequests_OneMore_Is503WithRetryAfter()
    {
        var arrived = new TaskCompletionSource();
        var go = new TaskCompletionSource();
        await using var backend = await Backend.StartAsync(async context =>
        {
            arrived.TrySetResult();
            await go.Task;
            await context.Response.WriteAsync("ok");
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address, "MaxConcurrentRequests=1");
        var first = proxy.GetAsync();
        await arrived.Task;

        var turnedAway = await proxy.GetAsync();

        Assert.Equal((503, "503 Service Unavailable: overload\n"), (turnedAway.Status, turnedAway.Body));
        Assert.True(int.Parse(turnedAway.Value("Retry-After")!, System.Globalization.CultureInfo.InvariantCulture) > 0);
        var figures = await proxy.NextAsync();
        Assert.Equal(("overload", 503), (figures.ErrorType, figures.Status));
        go.SetResult();
        Assert.Equal(200, (await first).Status);
        await proxy.NextAsync();
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        var scrape = await proxy.ScrapeAsync();
        Assert.Equal(1, scrape.Sum("timingproxy_request_failures_total", ("error_type", "overload")));
        Assert.Equal(2, scrape.Sum("timingproxy_upstream_duration_seconds_count"));
    }

    [Fact]
    public async Task MaxConnections_OneMore_WaitsInTheQueueAndThatIsNotUpstreamTime()
    {
        var arrived = new TaskCompletionSource();
        int atOnce = 0;
        int most = 0;
        await using var backend = await Backend.StartAsync(async context =>
        {
            arrived.TrySetResult();
            most = Math.Max(most, Interlocked.Increment(ref atOnce));
            await Task.Delay(300, TestContext.Current.CancellationToken);
            Interlocked.Decrement(ref atOnce);
            await context.Response.WriteAsync("ok");
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address, "Upstream:MaxConnections=1", "Upstream:Timeout=800ms");
        var first = proxy.GetAsync("/first");
        await arrived.Task;
        var others = new[] { proxy.GetAsync("/second"), proxy.GetAsync("/third") };

        Assert.Equal(200, (await first).Status);
        foreach (var answer in await Task.WhenAll(others))
        {
            Assert.Equal(200, answer.Status);
        }

        Figures[] figures = [await proxy.NextAsync(), await proxy.NextAsync(), await proxy.NextAsync()];
        Assert.Equal(1, most);
        Assert.Equal(0, figures[0].Queue);
        Assert.InRange(figures[1].Queue, 100, 5000);
        Assert.InRange(figures[2].Queue, 300, 5000);
        Assert.All(figures, one => Assert.InRange(one.Upstream, 290, 800));
        var scrape = await proxy.ScrapeAsync();
        Assert.Equal(3, scrape.Sum("timingproxy_upstream_queue_duration_seconds_count", ("cluster", "upstream")));
        Assert.Equal(figures.Sum(one => one.Queue) / 1000, scrape.Sum("timingproxy_upstream_queue_duration_seconds_sum"), 9);
        // The verdict looks for the line of the workers, which is here.
        Assert.Equal(figures.Sum(one => one.Upstream + one.Queue) / 1000, scrape.Sum("timingproxy_inflight_upstream_seconds_total"), 6);
    }

    [Fact]
    public async Task MaxConnections_ClientInTheQueueGoesAway_GivesItsPlaceUp()
    {
        var arrived = new TaskCompletionSource();
        var go = new TaskCompletionSource();
        int requests = 0;
        await using var backend = await Backend.StartAsync(async context =>
        {
            Interlocked.Increment(ref requests);
            arrived.TrySetResult();
            await go.Task;
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address, "Upstream:MaxConnections=1");
        var first = proxy.GetAsync("/first");
        await arrived.Task;
        var impatient = await proxy.ConnectAsync();
        await impatient.SendAsync("GET /impatient HTTP/1.1\r\nHost: a\r\n\r\n");
        await proxy.UntilAsync(() => proxy.Services.GetRequiredService<ClusterLoads>().Of("upstream").ActiveRequests == 2);
        impatient.Reset();

        var gone = await proxy.NextAsync();
        go.SetResult();
        await first;

        Assert.Equal("client_abort", gone.ErrorType);
        Assert.Equal(200, (await proxy.GetAsync("/next")).Status);
        Assert.Equal(2, requests);
    }

    [Fact]
    public async Task MaxConnections_RoutesTimeoutEndsInTheQueue_IsNoUpstreamTime()
    {
        var arrived = new TaskCompletionSource();
        var go = new TaskCompletionSource();
        await using var backend = await Backend.StartAsync(async context =>
        {
            arrived.TrySetResult();
            await go.Task;
        });
        await using var proxy = await ProxyHarness.StartAsync(
            backend.Address,
            "Upstream:MaxConnections=1",
            "ReverseProxy:Routes:short:ClusterId=upstream",
            "ReverseProxy:Routes:short:Match:Path=/short",
            "ReverseProxy:Routes:short:Timeout=00:00:00.200");
        var first = proxy.GetAsync("/first");
        await arrived.Task;

        Assert.Equal(504, (await proxy.GetAsync("/short")).Status);

        var figures = await proxy.NextAsync();
        Assert.Equal("timeout", figures.ErrorType);
        Assert.InRange(figures.Queue, 100, 10_000);
        var scrape = await proxy.ScrapeAsync();
        Assert.Equal(0, scrape.Sum("timingproxy_upstream_duration_seconds_count"));
        Assert.Equal(1, scrape.Sum("timingproxy_request_failures_total", ("error_type", "timeout")));
        go.SetResult();
        Assert.Equal(200, (await first).Status);
    }

    [Fact]
    public async Task MaxConnections_NotSet_HasNoQueueMetric()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        await proxy.GetAsync();
        await proxy.NextAsync();

        Assert.False((await proxy.ScrapeAsync()).Has("timingproxy_upstream_queue_duration_seconds_count"));
    }
}
