using Microsoft.Extensions.Configuration;
using TimingProxy.Proxy;
using TimingProxy.Settings;

namespace TimingProxy.Tests.Proxy;

public sealed class ProxyConfigValidationTests
{
    private const string Upstream = "http://127.0.0.1:8000";

    private static readonly string[] Good =
    [
        "Routes:api:ClusterId=app",
        "Routes:api:Match:Path=/api/{**rest}",
        "Clusters:app:Destinations:one:Address=http://127.0.0.1:9000",
    ];

    [Fact]
    public async Task Errors_OfAGoodSection_AreNone() => Assert.Empty(await ErrorsAsync(null, Good));

    [Theory]
    [InlineData("http://127.0.0.1:8000")]
    [InlineData("https://app.example/base/")]
    [InlineData("h2c://app:9000")]
    [InlineData("unix:/run/app.sock")]
    public async Task Errors_OfTheShorthandAlone_AreNone(string upstream) => Assert.Empty(await ErrorsAsync(upstream));

    [Fact]
    public async Task Errors_OfARouteToTheShorthandsCluster_AreNone() =>
        Assert.Empty(await ErrorsAsync(Upstream, "Routes:api:ClusterId=upstream", "Routes:api:Match:Path=/api/{id}"));

    [Theory]
    [InlineData("Routes:api:ClusterId=ap", "ReverseProxy:Routes:api:ClusterId = \"ap\"", "name one of the clusters: app")]
    [InlineData("Routes:api:Match:Path=/api/{", "ReverseProxy:Routes:api:", "/api/{")]
    [InlineData("Routes:api:AuthorizationPolicy=staff", "ReverseProxy:Routes:api:AuthorizationPolicy = \"staff\"", "remove it")]
    [InlineData("Routes:api:CorsPolicy=open", "ReverseProxy:Routes:api:CorsPolicy = \"open\"", "remove it")]
    [InlineData("Routes:api:RateLimiterPolicy=slow", "ReverseProxy:Routes:api:RateLimiterPolicy = \"slow\"", "remove it")]
    [InlineData("Routes:api:OutputCachePolicy=all", "ReverseProxy:Routes:api:OutputCachePolicy = \"all\"", "remove it")]
    [InlineData("Routes:api:TimeoutPolicy=short", "ReverseProxy:Routes:api:TimeoutPolicy = \"short\"", "remove it")]
    [InlineData("Routes:api:Transforms:0:PathFoo=x", "ReverseProxy:Routes:api:", "PathFoo")]
    [InlineData("Clusters:app:Destinations:one:Address=app:9000", "Clusters:app:Destinations:one:Address = \"app:9000\"", "http://host:port")]
    [InlineData("Clusters:app:LoadBalancingPolicy=Best", "ReverseProxy:Clusters:app:", "Best")]
    [InlineData("Clusters:app:Destinations:two:Address=unix:/run/a.sock", "Clusters:app:Destinations:two:Address", "cluster of its own")]
    public async Task Errors_OfABadValue_NameKeyValueAndMend(string setting, string key, string mend)
    {
        string error = Assert.Single(await ErrorsAsync(null, [.. Good, setting]), error => error.Contains(key, StringComparison.Ordinal));

        Assert.Contains(mend, error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Upstream, "name one of the clusters: app, upstream", "Clusters:app:Destinations:one:Address=http://127.0.0.1:9000")]
    [InlineData(null, "there is none: define one in ReverseProxy:Clusters")]
    public async Task Errors_OfARouteWithoutACluster_NameKeyAndMend(string? upstream, string mend, params string[] clusters)
    {
        string error = Assert.Single(await ErrorsAsync(upstream, ["Routes:api:Cluster=app", "Routes:api:Match:Path=/api/{**rest}", .. clusters]));

        Assert.StartsWith("ReverseProxy:Routes:api:ClusterId: not set", error, StringComparison.Ordinal);
        Assert.Contains(mend, error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Clusters:app:Destinations:two:Adress=http://127.0.0.1:9001")]
    [InlineData("Clusters:app:Destinations:two=http://127.0.0.1:9001")]
    public async Task Errors_OfADestinationWithoutAnAddress_NameKeyAndMend(string setting)
    {
        string error = Assert.Single(await ErrorsAsync(null, [.. Good, setting]));

        Assert.StartsWith("ReverseProxy:Clusters:app:Destinations:two:Address: not set; write http://host:port", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Errors_OfAClusterWithoutDestinations_NameKeyAndMend()
    {
        string error = Assert.Single(await ErrorsAsync(null, [.. Good, "Clusters:empty:LoadBalancingPolicy=Random"]));

        Assert.StartsWith("ReverseProxy:Clusters:empty:Destinations: there is none", error, StringComparison.Ordinal);
        Assert.Contains("\"one\": { \"Address\": \"http://host:port\" }", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/api/{**all}", 0, "api")]
    [InlineData("/{**rest}", int.MaxValue, "default")]
    public async Task Errors_OfTwoRoutesThatMatchAlike_NameBothAndMend(string path, int order, string other)
    {
        string[] two = ["Routes:again:ClusterId=app", $"Routes:again:Match:Path={path}", $"Routes:again:Order={order}"];

        string error = Assert.Single(await ErrorsAsync(Upstream, [.. Good, .. two]));

        Assert.StartsWith($"ReverseProxy:Routes:again:Order = {order}: route \"{other}\"", error, StringComparison.Ordinal);
        Assert.Contains("another Order", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Errors_OfASocketPathWithoutRoom_NameKeyAndMend()
    {
        string address = $"unix:/run/{new string('a', 110)}.sock";

        string error = Assert.Single(await ErrorsAsync(null, [.. Good, $"Clusters:app:Destinations:one:Address={address}"]));

        Assert.StartsWith($"ReverseProxy:Clusters:app:Destinations:one:Address = \"{address}\"", error, StringComparison.Ordinal);
        Assert.Contains("108 bytes", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Errors_OfNamesThatTheShorthandHasTaken_SayWhatToDo()
    {
        var errors = await ErrorsAsync(
            Upstream,
            "Routes:default:ClusterId=upstream",
            "Routes:default:Match:Path=/x",
            "Clusters:upstream:Destinations:one:Address=http://127.0.0.1:9000");

        Assert.Equal(2, errors.Count);
        Assert.Contains("ReverseProxy:Clusters:upstream: defined twice", errors[0], StringComparison.Ordinal);
        Assert.Contains("ReverseProxy:Routes:default: defined twice", errors[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Errors_OfSeveralMistakes_AreToldAtOnce() => Assert.Equal(3, (await ErrorsAsync(
        null, [.. Good, "Routes:api:ClusterId=none", "Routes:api:Transforms:0:PathFoo=x", "Clusters:app:LoadBalancingPolicy=Best"])).Count);

    private static async Task<IReadOnlyList<string>> ErrorsAsync(string? upstream, params string[] section)
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(section
                .Select(setting => setting.Split('=', 2))
                .GroupBy(parts => parts[0], parts => parts[1])
                .Select(values => KeyValuePair.Create<string, string?>($"ReverseProxy:{values.Key}", values.Last())))
            .Build();
        var settings = new ProxySettings();
        settings = settings with { Upstream = settings.Upstream with { Address = upstream } };
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddRouting();
        services.AddReverseProxy().AddConfigFilter<UpstreamAddressFilter>();
        services.AddSingleton<ProxyConfigValidation>();
        await using var provider = services.BuildServiceProvider();
        return await provider.GetRequiredService<ProxyConfigValidation>()
            .ErrorsOfAsync(await ProxyConfigReader.ReadAsync(settings, configuration), TestContext.Current.CancellationToken);
    }
}
