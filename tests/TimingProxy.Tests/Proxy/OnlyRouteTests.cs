using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Primitives;
using TimingProxy.Proxy;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Model;

namespace TimingProxy.Tests.Proxy;

public sealed class OnlyRouteTests
{
    private static readonly RouteConfig CatchAll = new()
    {
        RouteId = ProxyConfigReader.DefaultRoute,
        ClusterId = "upstream",
        Match = new RouteMatch { Path = ProxyConfigReader.CatchAll },
    };

    public static TheoryData<string, RouteConfig[]> Routes => new()
    {
        { "none", [] },
        { "two", [CatchAll, CatchAll with { RouteId = "api", Match = new RouteMatch { Path = "/api/{**rest}" } }] },
        { "one by another name", [CatchAll with { RouteId = "mine" }] },
        { "one of some paths", [CatchAll with { Match = new RouteMatch { Path = "/api/{**rest}" } }] },
        { "one of some hosts", [CatchAll with { Match = CatchAll.Match with { Hosts = ["app.example"] } }] },
        { "one of some methods", [CatchAll with { Match = CatchAll.Match with { Methods = ["GET"] } }] },
        { "one with a timeout", [CatchAll with { Timeout = TimeSpan.FromSeconds(1) }] },
        { "one with a timeout by name", [CatchAll with { TimeoutPolicy = "slow" }] },
        { "one for some users", [CatchAll with { AuthorizationPolicy = "default" }] },
        { "one with rules for other origins", [CatchAll with { CorsPolicy = "default" }] },
        { "one with a limit of requests", [CatchAll with { RateLimiterPolicy = "default" }] },
        { "one whose answers are kept", [CatchAll with { OutputCachePolicy = "default" }] },
        { "one whose transforms may want route values", [CatchAll with { Transforms = [new Dictionary<string, string> { ["PathSet"] = "/" }] }] },
    };

    [Fact]
    public async Task Invoke_CatchAllAlone_IsWhereEachRequestGoes()
    {
        using var routes = new ChangingRoutes(CatchAll);
        var context = new DefaultHttpContext();

        await new OnlyRoute(routes).InvokeAsync(context, _ => throw new InvalidOperationException("Nothing is left to look for."));

        Assert.Same(routes.Endpoints[0], context.GetEndpoint());
        Assert.Same(routes.Endpoints[0], context.Items[typeof(OnlyRouteTests)]);
    }

    [Theory]
    [MemberData(nameof(Routes))]
    public async Task Invoke_AnythingElse_IsLeftToRouting(string what, RouteConfig[] routes)
    {
        using var changing = new ChangingRoutes(routes);
        var context = new DefaultHttpContext();
        bool isLeft = false;

        await new OnlyRoute(changing).InvokeAsync(context, _ =>
        {
            isLeft = true;
            return Task.CompletedTask;
        });

        Assert.True(isLeft && context.GetEndpoint() is null, what);
    }

    [Fact]
    public async Task Invoke_RoutesHaveChanged_FollowsThem()
    {
        using var routes = new ChangingRoutes(CatchAll);
        var only = new OnlyRoute(routes);

        routes.Change(CatchAll with { RouteId = "mine" });
        var afterFirst = new DefaultHttpContext();
        await only.InvokeAsync(afterFirst, _ => Task.CompletedTask);
        routes.Change(CatchAll);
        var afterSecond = new DefaultHttpContext();
        await only.InvokeAsync(afterSecond, _ => Task.CompletedTask);

        Assert.Null(afterFirst.GetEndpoint());
        Assert.Same(routes.Endpoints[0], afterSecond.GetEndpoint());
    }

    private sealed class ChangingRoutes(params RouteConfig[] routes) : EndpointDataSource, IDisposable
    {
        private IReadOnlyList<Endpoint> _endpoints = EndpointsOf(routes);
        private CancellationTokenSource _change = new();

        public override IReadOnlyList<Endpoint> Endpoints => _endpoints;

        public override IChangeToken GetChangeToken() => new CancellationChangeToken(_change.Token);

        public void Change(params RouteConfig[] routes)
        {
            _endpoints = EndpointsOf(routes);
            using var previous = _change;
            _change = new CancellationTokenSource();
            previous.Cancel();
        }

        public void Dispose() => _change.Dispose();

        private static IReadOnlyList<Endpoint> EndpointsOf(RouteConfig[] routes) =>
            [.. routes.Select(route => new Endpoint(NoteAsync, new EndpointMetadataCollection(new RouteModel(route, null, HttpTransformer.Empty)), route.RouteId))];

        private static Task NoteAsync(HttpContext context)
        {
            context.Items[typeof(OnlyRouteTests)] = context.GetEndpoint();
            return Task.CompletedTask;
        }
    }
}
