using Yarp.ReverseProxy;
using Yarp.ReverseProxy.Model;

namespace TimingProxy.Tests.Functional;

/// <summary>YARP's health checks of a cluster's destinations, which send through the same connections as requests do.</summary>
public sealed class HealthCheckTests
{
    [Fact]
    public async Task Active_DestinationThatFails_GetsNoRequests()
    {
        await using var ill = await Backend.StartAsync(context => AnswerAsync(context, "ill", probe: 500));
        await using var well = await Backend.StartAsync(context => AnswerAsync(context, "well", probe: 200));
        await using var proxy = await StartAsync(
            [("ill", ill.Address), ("well", well.Address)], "Active:Enabled=true", "Active:Interval=00:00:00.100", "Active:Path=/probe");
        await proxy.UntilAsync(() => Health(proxy, "ill").Active == DestinationHealth.Unhealthy);

        var answers = new List<string>();
        for (int i = 0; i < 10; i++)
        {
            answers.Add((await proxy.GetAsync()).Body);
        }

        Assert.All(answers, answer => Assert.Equal("well", answer));
    }

    /// <summary>A probe is no request of a client's, but the connection on which its answer is waited for is not idle.</summary>
    [Fact]
    public async Task Active_ProbeAnsweredAfterKeepAlive_IsWaitedFor()
    {
        int answered = 0;
        await using var slow = await Backend.StartAsync(async context =>
        {
            await Task.Delay(400, context.RequestAborted);
            await AnswerAsync(context, "slow", probe: 200);
            Interlocked.Increment(ref answered);
        });
        await using var proxy = await StartAsync(
            [("slow", slow.Address)], "Active:Enabled=true", "Active:Interval=00:00:00.100", "Active:Path=/probe", "Upstream:KeepAlive=100ms");

        await proxy.UntilAsync(() => Health(proxy, "slow").Active != DestinationHealth.Unknown && Volatile.Read(ref answered) > 2);

        Assert.Equal(DestinationHealth.Healthy, Health(proxy, "slow").Active);
        Assert.False((await proxy.ScrapeAsync()).Has("timingproxy_upstream_connect_duration_seconds_count"), "No client's request was on these connections.");
    }

    [Fact]
    public async Task Passive_DestinationThatRefuses_GetsNoMoreRequests()
    {
        await using var well = await Backend.StartAsync(context => AnswerAsync(context, "well", probe: 200));
        await using var proxy = await StartAsync(
            [("gone", RawBackend.Nobody()), ("well", well.Address)], "Passive:Enabled=true", "Passive:Policy=TransportFailureRate");

        // The policy wants ten requests before it judges.
        await proxy.UntilAsync(() => Health(proxy, "gone").Passive == DestinationHealth.Unhealthy, () => proxy.GetAsync());
        var statuses = new List<int>();
        for (int i = 0; i < 10; i++)
        {
            statuses.Add((await proxy.GetAsync()).Status);
        }

        Assert.All(statuses, status => Assert.Equal(200, status));
    }

    private static Task AnswerAsync(HttpContext context, string text, int probe)
    {
        context.Response.StatusCode = context.Request.Path == "/probe" ? probe : 200;
        return context.Response.WriteAsync(text);
    }

    private static DestinationHealthState Health(ProxyHarness proxy, string destination) =>
        proxy.Services.GetRequiredService<IProxyStateLookup>().TryGetCluster("app", out var cluster)
            ? cluster.Destinations[destination].Health
            : throw new InvalidOperationException("There is no cluster named app.");

    private static Task<ProxyHarness> StartAsync((string Name, Uri Address)[] destinations, params string[] settings) => ProxyHarness.StartAsync(
        (string?)null,
        [
            "ReverseProxy:Routes:all:ClusterId=app",
            "ReverseProxy:Routes:all:Match:Path={**all}",
            "ReverseProxy:Clusters:app:LoadBalancingPolicy=RoundRobin",
            .. destinations.Select(one => $"ReverseProxy:Clusters:app:Destinations:{one.Name}:Address={one.Address}"),
            .. settings.Select(setting => setting.StartsWith("Upstream:", StringComparison.Ordinal) ? setting : $"ReverseProxy:Clusters:app:HealthCheck:{setting}"),
        ]);
}
