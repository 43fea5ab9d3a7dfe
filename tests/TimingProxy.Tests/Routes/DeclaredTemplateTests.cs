using TimingProxy.Proxy;
using TimingProxy.Settings;
using TimingProxy.Tests.Functional;

namespace TimingProxy.Tests.Routes;

/// <summary>Declared templates label requests as ASP.NET would route them, and never get in a request's way.</summary>
[Collection(nameof(RunsAlone))]
public sealed class DeclaredTemplateTests
{
    [Theory]
    [InlineData("/articles/hello", "/articles/{slug}")]
    [InlineData("/articles/new", "/articles/new")]
    [InlineData("/ARTICLES/new", "/articles/new")]
    [InlineData("/articles/hello/", "/articles/{slug}")]
    [InlineData("/articles/a%20b", "/articles/{slug}")]
    [InlineData("/articles/one/two", "/articles/{**rest}")]
    [InlineData("/users/12", "/users/{id:int}")]
    [InlineData("/users/me", "/users/{name}")]
    [InlineData("/mine/x", "api")]
    [InlineData("/elsewhere", "default")]
    public async Task Label_OfARequest_IsTheMostPreciseTemplate(string target, string expected)
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(
            backend.Address,
            "Metrics:Routes=/articles/{**rest};/articles/{slug};/users/{name};/articles/new;/users/{id:int};/mine/x",
            "ReverseProxy:Routes:api:ClusterId=upstream",
            "ReverseProxy:Routes:api:Match:Path=/mine/{**all}");

        var answer = await proxy.GetAsync(target);

        Assert.Equal(200, answer.Status);
        Assert.Equal(expected, (await proxy.NextAsync()).Route);
    }

    [Fact]
    public async Task Label_OfTemplatesThatSayTheSame_IsTheFirst()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address, "Metrics:Routes=/users/{id};/users/{name};/{kind}/list");

        var answer = await proxy.GetAsync("/users/12");

        Assert.Equal(200, answer.Status);
        Assert.Equal("/users/{id}", (await proxy.NextAsync()).Route);
    }

    [Fact]
    public async Task Label_AfterAReload_IsOfTheNewTemplates()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address, "Metrics:Routes=/users/{id}");
        await proxy.GetAsync("/users/12");
        Assert.Equal("/users/{id}", (await proxy.NextAsync()).Route);
        var live = proxy.Services.GetRequiredService<LiveSettings>();
        var next = live.Current with { Metrics = live.Current.Metrics with { Routes = ["/users/{name}"] } };

        live.Publish(next);
        proxy.Services.GetRequiredService<LiveProxyConfig>().Publish(await ProxyConfigReader.ReadAsync(next, new ConfigurationBuilder().Build()));

        await proxy.UntilAsync(() => RouteIds(proxy).Contains("/users/{name}"));
        await proxy.GetAsync("/users/12");
        Assert.Equal("/users/{name}", (await proxy.NextAsync()).Route);
    }

    private static IEnumerable<string> RouteIds(ProxyHarness proxy) =>
        proxy.Services.GetRequiredService<Yarp.ReverseProxy.IProxyStateLookup>().GetRoutes().Select(route => route.Config.RouteId);
}
