using Microsoft.Extensions.Logging;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Transforms;
using Yarp.ReverseProxy.Transforms.Builder;

namespace TimingProxy.Tests.Functional;

/// <summary>Routes and clusters of the <c>ReverseProxy</c> section: what they ask for wins over transparency, and is timed like the rest.</summary>
[Collection(nameof(RunsAlone))]
public sealed class RouteTests
{
    [Theory]
    [InlineData("PathRemovePrefix=/api", "/api/a%20b?q=1", "/a%20b?q=1")]
    [InlineData("PathPrefix=/v2", "/api/x", "/v2/api/x")]
    [InlineData("PathSet=/fixed", "/api/x?q", "/fixed?q")]
    [InlineData("PathPattern=/items/{**rest}", "/api/1/2", "/items/1/2")]
    public async Task Transform_OfThePath_IsDone(string transform, string target, string expected)
    {
        await using var backend = new RecordingBackend();
        string[] parts = transform.Split('=');
        await using var proxy = await StartAsync(backend.Address, $"Transforms:0:{parts[0]}={parts[1]}");

        var answer = await proxy.GetAsync(target);

        var (head, _) = await backend.NextAsync();
        Assert.Equal($"GET {expected} HTTP/1.1", head.StartLine);
        Assert.Equal("app.example", head.Value("Host"));
        Assert.Equal((await proxy.NextAsync()).UpstreamText, answer.Value("X-Render-MS"));
    }

    [Fact]
    public async Task Transform_OfTheQuery_IsDone()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await StartAsync(backend.Address, "Transforms:0:QueryValueParameter=added", "Transforms:0:Set=1");

        await proxy.GetAsync("/api/x?q=2");

        Assert.Equal("GET /api/x?q=2&added=1 HTTP/1.1", (await backend.NextAsync()).Head.StartLine);
    }

    [Fact]
    public async Task Transforms_OfHeaders_AreDoneAndKeepTheTargetAsReceived()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await StartAsync(
            backend.Address,
            "Transforms:0:RequestHeader=X-Added",
            "Transforms:0:Set=to the request",
            "Transforms:1:ResponseHeader=X-Added",
            "Transforms:1:Set=to the response",
            "Transforms:2:RequestHeaderOriginalHost=false");

        var answer = await proxy.GetAsync("/api/a%2Fb//c");

        var (head, _) = await backend.NextAsync();
        Assert.Equal("GET /api/a%2Fb//c HTTP/1.1", head.StartLine);
        Assert.Equal("to the request", head.Value("X-Added"));
        Assert.Equal(backend.Address.Authority, head.Value("Host"));
        Assert.Equal("to the response", answer.Value("X-Added"));
    }

    [Theory]
    [InlineData("Transforms:0:RequestHeader=X-Added;Transforms:0:Set=1", true, true)]
    [InlineData("Transforms:0:RequestHeaderRemove=Upgrade-Insecure-Requests;Transforms:1:ResponseHeaderRemove=Alt-Svc", false, false)]
    [InlineData("Transforms:0:RequestHeadersCopy=false", false, true)]
    [InlineData("Transforms:0:ResponseHeadersCopy=false", true, false)]
    public async Task Transforms_OfHeaders_AlsoDecideOnThoseThatOnlySeemToBeOfOneHop(string transforms, bool isRequested, bool isAnswered)
    {
        await using var backend = new RecordingBackend("HTTP/1.1 200 OK\r\nAlt-Svc: clear\r\nContent-Length: 2\r\n\r\nok");
        await using var proxy = await StartAsync(backend.Address, transforms.Split(';'));

        var answer = await proxy.GetAsync("/api/", "Upgrade-Insecure-Requests: 1\r\n");

        Assert.Equal(isRequested ? "1" : null, (await backend.NextAsync()).Head.Value("Upgrade-Insecure-Requests"));
        Assert.Equal(isAnswered ? "clear" : null, answer.Value("Alt-Svc"));
    }

    [Fact]
    public async Task Transform_XForwarded_IsTheRoutesOwn()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await StartAsync(backend.Address, "Transforms:0:X-Forwarded=Set");

        await proxy.GetAsync("/api/", "X-Forwarded-For: 203.0.113.9\r\n");

        Assert.Equal("127.0.0.1", (await backend.NextAsync()).Head.Value("X-Forwarded-For"));
    }

    [Fact]
    public async Task Route_ToTheShorthandsCluster_NamesTheEndpoint()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(
            backend.Address, "ReverseProxy:Routes:articles:ClusterId=upstream", "ReverseProxy:Routes:articles:Match:Path=/articles/{slug}");

        await proxy.GetAsync("/articles/one");
        Assert.Equal(("articles", "upstream"), await NextLabelsAsync(proxy));
        await proxy.GetAsync("/other");
        Assert.Equal(("default", "upstream"), await NextLabelsAsync(proxy));
    }

    [Fact]
    public async Task Cluster_ThatHasLostItsDestinations_Is503NoDestination()
    {
        await using var proxy = await ProxyHarness.StartAsync(
            (string?)null,
            services => services.AddSingleton<IProxyConfigFilter, NoDestinations>(),
            "ReverseProxy:Routes:all:ClusterId=app",
            "ReverseProxy:Routes:all:Match:Path={**all}",
            "ReverseProxy:Clusters:app:LoadBalancingPolicy=RoundRobin",
            "ReverseProxy:Clusters:app:Destinations:one:Address=http://127.0.0.1:9");

        var answer = await proxy.GetAsync();

        var figures = await proxy.NextAsync();
        Assert.Equal((503, "503 Service Unavailable: no_destination\n"), (answer.Status, answer.Body));
        Assert.Equal(("no_destination", 503, 0.0, false), (figures.ErrorType, figures.Status, figures.Upstream, figures.HasResponse));
        Assert.Equal("0.0", answer.Value("X-Render-MS"));
        var scrape = await proxy.ScrapeAsync();
        Assert.Equal(1, scrape.Sum("timingproxy_request_failures_total", ("error_type", "no_destination"), ("route", "all")));
        Assert.False(scrape.Has("timingproxy_upstream_duration_seconds_count"));
        Assert.Equal(0, scrape.Sum("timingproxy_active_requests"));
        Assert.Equal(
            (LogLevel.Warning, "Upstream failure no_destination: 503 to GET / (cluster app): it has no destination, or none that is healthy"),
            Assert.Single(proxy.Log, line => line.Level >= LogLevel.Warning));
    }

    [Fact]
    public async Task RequestTransform_ThatAnswersItself_IsNoUpstreamTimeAndNoFailure()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(
            backend.Address.ToString(), services => services.AddSingleton<ITransformProvider, Teapot>());

        var answer = await proxy.GetAsync();

        var figures = await proxy.NextAsync();
        Assert.Equal((418, "short and stout"), (answer.Status, answer.Body));
        Assert.Equal((418, null, 0.0, false), (figures.Status, figures.ErrorType, figures.Upstream, figures.HasResponse));
        Assert.Equal(0, backend.Waiting);
        var scrape = await proxy.ScrapeAsync();
        Assert.False(scrape.Has("timingproxy_upstream_duration_seconds_count"));
        Assert.False(scrape.Has("timingproxy_request_failures_total"));
        Assert.Equal(0, scrape.Sum("timingproxy_active_requests"));
    }

    [Fact]
    public async Task Route_TimeoutOfItsOwn_Is504()
    {
        await using var backend = new RawBackend(_ => Task.Delay(Timeout.Infinite, TestContext.Current.CancellationToken));
        await using var proxy = await StartAsync(backend.Address, "Timeout=00:00:00.200");

        var answer = await proxy.GetAsync("/api/");

        var figures = await proxy.NextAsync();
        Assert.Equal((504, "504 Gateway Timeout: timeout\n"), (answer.Status, answer.Body));
        Assert.Equal("timeout", figures.ErrorType);
        Assert.InRange(figures.Upstream, 180, 2000);
        Assert.Equal(figures.UpstreamText, answer.Value("X-Render-MS"));
    }

    private static Task<ProxyHarness> StartAsync(Uri upstream, params string[] route) => ProxyHarness.StartAsync(
        (string?)null,
        [
            "ReverseProxy:Routes:api:ClusterId=app",
            "ReverseProxy:Routes:api:Match:Path=/api/{**rest}",
            $"ReverseProxy:Clusters:app:Destinations:one:Address={upstream}",
            .. route.Select(setting => $"ReverseProxy:Routes:api:{setting}"),
        ]);

    private static async Task<(string Route, string Cluster)> NextLabelsAsync(ProxyHarness proxy)
    {
        var figures = await proxy.NextAsync();
        return (figures.Route, figures.Cluster);
    }

    /// <summary>Answers every request without asking the app.</summary>
    /// <summary>As if all of them were unhealthy. A cluster that is configured without any is refused.</summary>
    private sealed class NoDestinations : IProxyConfigFilter
    {
        public ValueTask<ClusterConfig> ConfigureClusterAsync(ClusterConfig cluster, CancellationToken cancel) =>
            ValueTask.FromResult(cluster with { Destinations = new Dictionary<string, DestinationConfig>() });

        public ValueTask<RouteConfig> ConfigureRouteAsync(RouteConfig route, ClusterConfig? cluster, CancellationToken cancel) => ValueTask.FromResult(route);
    }

    private sealed class Teapot : ITransformProvider
    {
        public void ValidateRoute(TransformRouteValidationContext context)
        {
        }

        public void ValidateCluster(TransformClusterValidationContext context)
        {
        }

        public void Apply(TransformBuilderContext context) => context.AddRequestTransform(async transform =>
        {
            transform.HttpContext.Response.StatusCode = StatusCodes.Status418ImATeapot;
            await transform.HttpContext.Response.WriteAsync("short and stout");
        });
    }
}
