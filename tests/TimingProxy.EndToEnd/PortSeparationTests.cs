using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>The traffic port belongs to the app, the admin port to the proxy, whatever a client claims.</summary>
[Collection(DjangoTests.Name)]
public sealed class PortSeparationTests(DjangoServers servers)
{
    [Theory]
    [InlineData("gunicorn")]
    [InlineData("uvicorn")]
    public async Task Metrics_OnTrafficPort_AreTheAppsOwn(string server)
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var (_, proxy) = await servers.GetAsync(server, cancellationToken);

        var app = await proxy.GetAsync("/metrics", cancellationToken);
        var own = await proxy.AdminAsync("/metrics", cancellationToken);

        Assert.Equal("# TYPE legacy_app_info gauge\nlegacy_app_info 1\n", app.Text);
        Assert.Contains("timingproxy_build_info", own.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("legacy_app_info", own.Text, StringComparison.Ordinal);
        Assert.Empty(own.Head.Values("X-Render-MS"));
    }

    [Fact]
    public async Task AdminPaths_OnTrafficPort_ReachTheApp()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var backend = new RawBackend(RawBackend.Answering("the app"));
        await using var proxy = await ProxyProcess.InFrontOfAsync(backend.Port, cancellationToken);
        string[] hosts = ["legacy.example", $"127.0.0.1:{proxy.AdminPort}", $"localhost:{proxy.AdminPort}", "localhost"];
        string[] targets = ["/", "/insight.json", "/metrics", "/livez", "/readyz", "/config", "/drain", $"http://127.0.0.1:{proxy.AdminPort}/metrics"];

        foreach (var (host, target) in from host in hosts from target in targets select (host, target))
        {
            // An absolute target names its host, and a Host that differs from it may be refused.
            var said = target[0] == '/' ? host : $"127.0.0.1:{proxy.AdminPort}";
            var answer = await RawClient.GetAsync(proxy.Port, target, cancellationToken, said);
            Assert.True(answer.Text == "the app", $"{target} with Host {said} was answered {answer.Head.StartLine}: {answer.Text}");
            Assert.True(answer.RenderMs >= 0);
        }

        var drain = await RawClient.OnceAsync(
            proxy.Port, RawClient.Get("/drain", $"127.0.0.1:{proxy.AdminPort}", "Content-Length: 0\r\n", "POST"), cancellationToken);
        Assert.Equal("the app", drain.Text);
        Assert.Equal(200, (await proxy.AdminAsync("/readyz", cancellationToken)).Status);
    }

    [Fact]
    public async Task AppPaths_OnAdminPort_AreNotProxied()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var backend = new RawBackend(RawBackend.Answering("the app"));
        await using var proxy = await ProxyProcess.InFrontOfAsync(backend.Port, cancellationToken);
        string[] hosts = [$"127.0.0.1:{proxy.AdminPort}", $"127.0.0.1:{proxy.Port}", "legacy.example"];
        string[] targets = ["/fast", "/articles/1", "/metrics/more", $"http://127.0.0.1:{proxy.Port}/fast"];

        foreach (var (host, target) in from host in hosts from target in targets select (host, target))
        {
            var said = target[0] == '/' ? host : $"127.0.0.1:{proxy.Port}";
            var answer = await RawClient.GetAsync(proxy.AdminPort, target, cancellationToken, said);
            Assert.True(answer.Status == 404, $"{target} with Host {said} was answered {answer.Head.StartLine}: {answer.Text}");
        }

        var metrics = await RawClient.GetAsync(proxy.AdminPort, "/metrics", cancellationToken, $"127.0.0.1:{proxy.Port}");
        Assert.Contains("timingproxy_build_info", metrics.Text, StringComparison.Ordinal);
        Assert.Equal(0, backend.Requests);
    }
}
