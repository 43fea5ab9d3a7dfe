using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using TimingProxy.Proxy;
using Yarp.ReverseProxy.Configuration;

namespace TimingProxy.Tests.Proxy;

/// <summary>Whether two routes are called alike, beside what routing does with a request that both match.</summary>
public sealed class AlikeRoutesTests
{
    [Theory]
    [InlineData("Path=/api/{**a}", "Path=/api/{**b}", "GET http://h/api/x")]
    [InlineData("Path=/api/{*a}", "Path=api/{**b}", "GET http://h/api/x")]
    [InlineData("Path=/API/{a}/", "Path=/api/{b}", "GET http://h/api/x")]
    [InlineData("Path=/api/{a}", "Path=/api/{b?}", "GET http://h/api/x")]
    [InlineData("Path=/api/{a=1}", "Path=/api/{b}", "GET http://h/api/x")]
    [InlineData("Path=/api/{a:int:min(1)}", "Path=/api/{b:min(1):int}", "GET http://h/api/5")]
    [InlineData("Path=/{a}-{b}.{c?}", "Path=/{d}-{e}.{f?}", "GET http://h/a-b.c")]
    [InlineData("Path=/", "Path=/", "GET http://h/")]
    [InlineData("Path={**a};Hosts:0=h", "Hosts:0=h", "GET http://h/x")]
    [InlineData("Path=/a;Hosts:0=h;Hosts:1=i", "Path=/a;Hosts:0=j;Hosts:1=i", "GET http://i/a")]
    [InlineData("Path=/a;Hosts:0=*.h", "Path=/a;Hosts:0=*.h", "GET http://x.h/a")]
    [InlineData("Path=/a;Hosts:0=*", "Path=/a;Hosts:0=*", "GET http://x/a")]
    [InlineData("Path=/a;Methods:0=GET;Methods:1=PUT", "Path=/a;Methods:0=get", "GET http://h/a")]
    [InlineData("Path=/a;Headers:0:Name=X;Headers:0:Values:0=1", "Path=/a;Headers:0:Name=x;Headers:0:Values:0=1", "GET http://h/a")]
    [InlineData("Path=/a;QueryParameters:0:Name=q;QueryParameters:0:Values:0=1", "Path=/a;QueryParameters:0:Name=q;QueryParameters:0:Values:0=1", "GET http://h/a?q=1")]
    [InlineData("Path=/{**a};Headers:0:Name=X;Headers:0:Values:0=1", "Path=/{**b};Headers:0:Name=Y;Headers:0:Values:0=2", "GET http://h/a")]
    [InlineData("Path=/a;Headers:0:Name=X;Headers:0:Mode=Exists", "Path=/a;Headers:0:Name=x;Headers:0:Values:0=1", "GET http://h/a")]
    [InlineData("Path=/a;Headers:0:Name=X;Headers:0:Values:0=2;Headers:0:Values:1=1", "Path=/a;Headers:0:Name=X;Headers:0:Values:0=1", "GET http://h/a")]
    [InlineData("Path=/a;Headers:0:Name=Y;Headers:0:Values:0=ab;Headers:0:Mode=Contains", "Path=/a;Headers:0:Name=Y;Headers:0:Values:0=2;Headers:0:Values:1=xABx", "GET http://h/a Y:xABx")]
    [InlineData("Path=/a;Headers:0:Name=Y;Headers:0:Values:0=2;Headers:0:Mode=HeaderPrefix", "Path=/a;Headers:0:Name=Y;Headers:0:Values:0=2", "GET http://h/a")]
    [InlineData("Path=/a;Headers:0:Name=Y;Headers:0:Values:0=3;Headers:0:Mode=NotContains", "Path=/a;Headers:0:Name=X;Headers:0:Mode=Exists", "GET http://h/a")]
    [InlineData("Path=/a;Headers:0:Name=Z;Headers:0:Mode=NotExists", "Path=/a;Headers:0:Name=X;Headers:0:Mode=Exists", "GET http://h/a")]
    [InlineData("Path=/a;QueryParameters:0:Name=q;QueryParameters:0:Values:0=1", "Path=/a;QueryParameters:0:Name=r;QueryParameters:0:Mode=Exists", "GET http://h/a?q=1&r=2")]
    [InlineData("Path=/a;QueryParameters:0:Name=q;QueryParameters:0:Values:0=1,2;QueryParameters:0:Mode=Prefix", "Path=/a;QueryParameters:0:Name=Q;QueryParameters:0:Values:0=1,2", "GET http://h/a?q=1,2")]
    [InlineData("Path=/x/{y:int}", "Path=/x/{z:long}", "GET http://h/x/5")]
    [InlineData("Path=/x/{y:int}", "Path=/x/{z:min(1)}", "GET http://h/x/5")]
    [InlineData("Path=/x/{y:alpha}/a", "Path=/x/{z:length(3)}/a", "GET http://h/x/abc/a")]
    [InlineData("Path=/{**a:int}", "Path=/{**b:long}", "GET http://h/5")]
    public async Task Errors_OfRoutesThatRoutingCannotTellApart_NameBoth(string one, string two, string request)
    {
        var routes = await ReadAsync(one, two);

        string error = Assert.Single(AlikeRoutes.Errors(routes.Routes));

        Assert.StartsWith("ReverseProxy:Routes:one:Order = 0: route \"two\"", error, StringComparison.Ordinal);
        Assert.Contains("another Order", error, StringComparison.Ordinal);
        Assert.Equal("ambiguous", await RouteAsync(routes, request));
    }

    [Theory]
    [InlineData("Path=/api/{**a}", "Path=/api/{**b}|Order=1", "GET http://h/api/x", "one")]
    [InlineData("Path=/api/{**a}", "Path=/api/{b}", "GET http://h/api/x", "two")]
    [InlineData("Path=/api/{a}", "Path=/api/x", "GET http://h/api/x", "two")]
    [InlineData("Path=/api/{a}", "Path=/api/{b:int}", "GET http://h/api/5", "two")]
    [InlineData("Path=/api/{a:alpha}", "Path=/api/{b:int}", "GET http://h/api/5", "two")]
    [InlineData("Path=/api/{**a}", "Path=/api/{**b:int}", "GET http://h/api/5", "two")]
    [InlineData("Path=/api/{a}", "Path=/api", "GET http://h/api", "two")]
    [InlineData("Path=/api/{a}.{b}", "Path=/api/{c}", "GET http://h/api/a.b", "one")]
    [InlineData("Path=/api/{a}.{b}", "Path=/api/{c}-{d}", "GET http://h/api/a.b", "one")]
    [InlineData("Path=/a/{b}", "Path=/{a}/b", "GET http://h/a/b", "one")]
    [InlineData("Path=/a", "Path=/a;Hosts:0=h", "GET http://h/a", "two")]
    [InlineData("Path=/a;Hosts:0=*", "Path=/a;Hosts:0=h", "GET http://h/a", "two")]
    [InlineData("Path=/a;Hosts:0=*.h", "Path=/a;Hosts:0=x.h", "GET http://x.h/a", "two")]
    [InlineData("Path=/a;Hosts:0=h", "Path=/a;Hosts:0=h:80", "GET http://h/a", "two")]
    [InlineData("Path=/a;Hosts:0=h", "Path=/a;Hosts:0=H", "GET http://h/a", "one")]
    [InlineData("Path=/a", "Path=/a;Methods:0=GET", "GET http://h/a", "two")]
    [InlineData("Path=/a;Methods:0=POST", "Path=/a;Methods:0=GET", "GET http://h/a", "two")]
    [InlineData("Path=/a", "Path=/a;Headers:0:Name=X;Headers:0:Values:0=1", "GET http://h/a", "two")]
    [InlineData("Path=/a;Headers:0:Name=X;Headers:0:Values:0=2", "Path=/a;Headers:0:Name=X;Headers:0:Values:0=1", "GET http://h/a", "two")]
    [InlineData("Path=/a;Headers:0:Name=X;Headers:0:Mode=NotExists", "Path=/a;Headers:0:Name=X;Headers:0:Mode=Exists", "GET http://h/a", "two")]
    [InlineData("Path=/a", "Path=/a;QueryParameters:0:Name=q;QueryParameters:0:Values:0=1", "GET http://h/a?q=1", "two")]
    [InlineData("Path=/a;QueryParameters:0:Name=q;QueryParameters:0:Values:0=2", "Path=/a;QueryParameters:0:Name=q;QueryParameters:0:Values:0=1", "GET http://h/a?q=1", "two")]
    [InlineData("Path=/a;Headers:0:Name=X;Headers:0:Values:0=2;Headers:0:Mode=HeaderPrefix", "Path=/a;Headers:0:Name=X;Headers:0:Values:0=1;Headers:0:Mode=Contains", "GET http://h/a", "two")]
    [InlineData("Path=/a;Headers:0:Name=X;Headers:0:Values:0=1", "Path=/a;Headers:0:Name=X;Headers:0:Values:0=1;Headers:0:Mode=NotContains", "GET http://h/a", "one")]
    [InlineData("Path=/a;Headers:0:Name=Y;Headers:0:Values:0=AB;Headers:0:IsCaseSensitive=true", "Path=/a;Headers:0:Name=Y;Headers:0:Values:0=ab;Headers:0:IsCaseSensitive=true", "GET http://h/a Y:ab", "two")]
    [InlineData("Path=/a;Headers:0:Name=X;Headers:0:Values:0=1", "Path=/a;Headers:0:Name=X;Headers:0:Values:0=1;Headers:1:Name=Y;Headers:1:Values:0=2", "GET http://h/a", "two")]
    [InlineData("Path=/a;Headers:0:Name=X;Headers:0:Values:0=1", "Path=/a;QueryParameters:0:Name=q;QueryParameters:0:Mode=Exists", "GET http://h/a?q=1", "one")]
    [InlineData("Path=/a;Headers:0:Name=X;Headers:0:Values:0=1|Order=1", "Path=/a;Headers:0:Name=Y;Headers:0:Values:0=2", "GET http://h/a", "two")]
    [InlineData("Path=/a;Hosts:0=g;Headers:0:Name=X;Headers:0:Values:0=1", "Path=/a;Hosts:0=h;Headers:0:Name=Y;Headers:0:Values:0=2", "GET http://h/a", "two")]
    [InlineData("Path=/x/{y:int}", "Path=/x/{z:guid}", "GET http://h/x/5", "one")]
    [InlineData("Path=/x/{y:range(1,9)}", "Path=/x/{z:min(10)}", "GET http://h/x/50", "two")]
    public async Task Errors_OfRoutesThatRoutingTellsApart_AreNone(string one, string two, string request, string expected)
    {
        var routes = await ReadAsync(one, two);

        Assert.Empty(AlikeRoutes.Errors(routes.Routes));
        Assert.Equal(expected, await RouteAsync(routes, request));
    }

    [Theory]
    [InlineData("Path=/a;Headers:0:Name=X;Headers:0:Values:0=1;Headers:1:Name=Y;Headers:1:Values:0=2")]
    [InlineData("Path=/a;Headers:0:Name=Y;Headers:0:Values:0=2|Order=-1")]
    [InlineData("Path={**all}|Order=-1")]
    public async Task Errors_WhereAThirdRouteTakesWhatTwoMatch_AreNone(string third)
    {
        const string One = "Path=/a;Headers:0:Name=X;Headers:0:Values:0=1";
        const string Two = "Path=/a;Headers:0:Name=Y;Headers:0:Values:0=2";
        var routes = await ReadAsync(One, Two, third);

        Assert.Empty(AlikeRoutes.Errors(routes.Routes));
        Assert.Equal("three", await RouteAsync(routes, "GET http://h/a"));
        Assert.Single(AlikeRoutes.Errors((await ReadAsync(One, Two, "Path=/b|Order=-1")).Routes));
    }

    [Fact]
    public async Task Errors_OfThreeAlike_NameEachPair()
    {
        var routes = await ReadAsync("Path=/a/{x}", "Path=/a/{y}");
        var third = routes.Routes[0] with { RouteId = "three" };

        Assert.Equal(3, AlikeRoutes.Errors([.. routes.Routes, third]).Count());
    }

    /// <param name="routes">Settings of a route's match, <c>;</c> between, and after <c>|</c> of the route itself.</param>
    private static async Task<ProxyRoutes> ReadAsync(params string[] routes)
    {
        string[] ids = ["one", "two", "three"];
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(routes.SelectMany((route, index) => route.Split('|')
                .SelectMany((part, isOfRoute) => part.Split(';').Select(setting => (isOfRoute == 1 ? "" : "Match:") + setting))
                .Append("ClusterId=app")
                .Select(setting => setting.Split('=', 2))
                .Select(pair => KeyValuePair.Create<string, string?>($"ReverseProxy:Routes:{ids[index]}:{pair[0]}", pair[1]))))
            .AddInMemoryCollection([KeyValuePair.Create<string, string?>("ReverseProxy:Clusters:app:Destinations:one:Address", "http://127.0.0.1:9000")])
            .Build();
        return await ProxyConfigReader.ReadAsync(new(), configuration);
    }

    /// <param name="request">Method, address, and where it is not 2 the header <c>Y</c>.</param>
    /// <returns>Id of the route that a request with the header <c>X: 1</c> is on.</returns>
    private static async Task<string> RouteAsync(ProxyRoutes routes, string request)
    {
        var services = new ServiceCollection();
        services.AddLogging();
        using var diagnostics = new DiagnosticListener("routing");
        services.AddSingleton(diagnostics);
        services.AddReverseProxy().LoadFromMemory(routes.Routes, routes.Clusters);
        await using var provider = services.BuildServiceProvider();
        string[] parts = request.Split(' ');
        var uri = new Uri(parts[1]);
        var context = new DefaultHttpContext { RequestServices = provider };
        context.Request.Method = parts[0];
        context.Request.Scheme = uri.Scheme;
        context.Request.Host = new HostString(uri.Host);
        context.Request.Path = uri.AbsolutePath;
        context.Request.QueryString = new QueryString(uri.Query);
        context.Request.Headers["X"] = "1";
        context.Request.Headers["Y"] = parts.Length > 2 ? parts[2].Split(':')[1] : "2";

        var app = new ApplicationBuilder(provider);
        app.UseRouting();
        app.UseEndpoints(endpoints => endpoints.MapReverseProxy(proxy => proxy.Run(_ => Task.CompletedTask)));
        try
        {
            await app.Build()(context);
        }
        catch (Exception error) when (error.GetType().Name == "AmbiguousMatchException")
        {
            return "ambiguous";
        }

        return context.GetEndpoint()?.DisplayName ?? "none";
    }
}
