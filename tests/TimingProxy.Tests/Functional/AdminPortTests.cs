using System.Net;

namespace TimingProxy.Tests.Functional;

/// <summary>Nothing of the admin port is answered on the traffic port, and nothing proxied on the admin port.</summary>
[Collection(nameof(RunsAlone))]
public sealed class AdminPortTests
{
    [Theory]
    [InlineData("/")]
    [InlineData("/metrics")]
    [InlineData("/insight.json")]
    [InlineData("/livez")]
    [InlineData("/readyz")]
    [InlineData("/config")]
    [InlineData("/drain")]
    public async Task TrafficPort_PathsOfTheAdminPort_AreTheApps(string path)
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        string admin = $"{proxy.Admin.Host}:{proxy.Admin.Port}";

        var own = await proxy.GetAsync(path);
        var spoofed = await proxy.AskAsync($"GET {path} HTTP/1.1\r\nHost: {admin}\r\nX-Forwarded-Host: {admin}\r\n\r\n");
        var absolute = await proxy.AskAsync($"GET http://{admin}{path} HTTP/1.1\r\nHost: {admin}\r\n\r\n");

        Assert.Equal(["hello", "hello", "hello"], new[] { own.Body, spoofed.Body, absolute.Body });
        Assert.Equal($"GET {path} HTTP/1.1", (await backend.NextAsync()).Head.StartLine);
    }

    [Fact]
    public async Task AdminPort_HostOfTheTrafficPort_IsNotProxied()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        string traffic = $"{proxy.Address.Host}:{proxy.Address.Port}";

        foreach (string request in new[]
        {
            $"GET /articles HTTP/1.1\r\nHost: {traffic}\r\n\r\n",
            $"GET http://{traffic}/articles HTTP/1.1\r\nHost: {traffic}\r\n\r\n",
            $"POST /articles HTTP/1.1\r\nHost: {traffic}\r\nContent-Length: 0\r\n\r\n",
        })
        {
            await using var wire = await Wire.ConnectAsync(proxy.Admin);
            await wire.SendAsync(request);
            var answer = await wire.ReceiveAsync();
            Assert.Equal(404, answer.Status);
            Assert.Null(answer.Value("X-Render-MS"));
        }

        Assert.Equal(0, backend.Waiting);
        Assert.True(proxy.HasNoMore);
    }

    [Fact]
    public async Task AdminPort_OwnRequests_AreInNoMetric()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        await proxy.ScrapeAsync();
        await using (var wire = await Wire.ConnectAsync(proxy.Admin))
        {
            await wire.SendAsync("GET / HTTP/1.1\nHost: a\n\n");
            Assert.Equal(400, (await wire.ReceiveAsync()).Status);
        }

        var scrape = await proxy.ScrapeAsync();
        Assert.False(scrape.Has("timingproxy_request_duration_seconds_count"));
        Assert.False(scrape.Has("timingproxy_request_failures_total"));
        Assert.Equal(1, scrape.Sum("timingproxy_config_last_reload_successful"));
        Assert.Equal(1, scrape.Sum("timingproxy_build_info"));
        Assert.True(scrape.Sum("timingproxy_config_last_reload_success_timestamp_seconds") > 1e9);
        string[] process =
            ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_max_fds", "process_start_time_seconds"];
        Assert.All(process, name => Assert.True(scrape.Sum(name) > 0, name));
    }

    [Theory]
    [InlineData("/livez", "127.0.0.1", "GET", 200)]
    [InlineData("/readyz", "evil.example", "GET", 200)]
    [InlineData("/metrics", "127.0.0.1", "POST", 405)]
    [InlineData("/drain", "127.0.0.1", "GET", 405)]
    [InlineData("/drain", "evil.example", "POST", 403)]
    [InlineData("/nothing", "127.0.0.1", "GET", 404)]
    public async Task AdminPort_Answers(string path, string host, string method, int status)
    {
        await using var proxy = await ProxyHarness.StartAsync(RawBackend.Nobody());
        await using var wire = await Wire.ConnectAsync(proxy.Admin);

        await wire.SendAsync($"{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n");

        Assert.Equal(status, (await wire.ReceiveAsync()).Status);
    }

    [Fact]
    public async Task Readyz_CheckUpstream_FollowsTheUpstream()
    {
        await using var backend = new RecordingBackend();
        await using var reached = await ProxyHarness.StartAsync(backend.Address, "Health:CheckUpstream=true");
        await using var missed = await ProxyHarness.StartAsync(RawBackend.Nobody(), "Health:CheckUpstream=true");

        Assert.Equal(HttpStatusCode.OK, await ReadyAsync(reached));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await ReadyAsync(missed));
    }

    [Fact]
    public async Task Drain_FromHere_FailsReadinessAndKeepsServingOnConnectionsThatClose()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false });

        using var drained = await client.PostAsync(new Uri(proxy.Admin, "/drain"), null, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.OK, drained.StatusCode);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await ReadyAsync(proxy));
        var answer = await proxy.GetAsync();
        Assert.Equal((200, "close"), (answer.Status, answer.Value("Connection")));
    }

    [Fact]
    public async Task Metrics_OpenMetrics_CarriesExemplarsOfSampledTracesOnly()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        await proxy.GetAsync(headers: "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n");
        await proxy.GetAsync(headers: "traceparent: 00-11111111111111111111111111111111-b7ad6b7169203331-00\r\n");
        await proxy.NextAsync();
        await proxy.NextAsync();

        string text = await proxy.MetricsTextAsync("application/openmetrics-text; version=1.0.0");

        Assert.EndsWith("# EOF\n", text, StringComparison.Ordinal);
        Assert.Contains(text.Split('\n'), line =>
            line.StartsWith("timingproxy_upstream_duration_seconds_bucket", StringComparison.Ordinal)
            && line.Contains("0af7651916cd43dd8448eb211c80319c", StringComparison.Ordinal));
        Assert.DoesNotContain("11111111111111111111111111111111", text, StringComparison.Ordinal);
    }

    private static async Task<HttpStatusCode> ReadyAsync(ProxyHarness proxy)
    {
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        using var response = await client.GetAsync(new Uri(proxy.Admin, "/readyz"), TestContext.Current.CancellationToken);
        return response.StatusCode;
    }
}
