using System.Text;
using Microsoft.Extensions.Configuration;
using TimingProxy.Settings;

namespace TimingProxy.Tests.Settings;

/// <summary>Values of the wrong shape in a file, each of which would be passed over in silence by a reader that only asks for what it knows.</summary>
public sealed class SettingShapeTests
{
    [Theory]
    [InlineData("""{ "Headers": "X-Foo" }""", "TimingProxy:Headers", "like TimingProxy:Headers:Name")]
    [InlineData("""{ "Upstream": { "Timeout": { "Seconds": 1 } } }""", "TimingProxy:Upstream:Timeout", "must be a duration")]
    [InlineData("""{ "Upstream": { "Timeout": ["1s"] } }""", "TimingProxy:Upstream:Timeout", "must be a duration")]
    [InlineData("""{ "Metrics": { "Routes": [{ "Path": "/a" }] } }""", "TimingProxy:Metrics:Routes", "must be a list of route patterns")]
    [InlineData("""{ "Metrics": { "Routes": { "articles": "/a" } } }""", "TimingProxy:Metrics:Routes", "must be a list of route patterns")]
    [InlineData("""{ "Upstream": { "Timeout": "" } }""", "TimingProxy:Upstream:Timeout", "write 250ms")]
    [InlineData("""{ "Upsteam": { "Timeout": "1s" } }""", "TimingProxy:Upsteam:Timeout", "nearest is TimingProxy:Upstream:Timeout")]
    public void Read_WrongShape_IsOneErrorThatNamesItAndTheMend(string json, string key, string mend)
    {
        var error = Assert.Single(Read(json).Errors);

        Assert.Equal(key, error.Key);
        Assert.Contains(key, error.Message, StringComparison.Ordinal);
        Assert.Contains(mend, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_SectionItselfIsAValue_IsAnError() =>
        Assert.Equal(
            "TimingProxy",
            Assert.Single(SettingsReader.Read(new ConfigurationBuilder().AddInMemoryCollection([new("TimingProxy", "x")]).Build()).Errors).Key);

    [Theory]
    [InlineData("TimingProxi", "TimingProxy")]
    [InlineData("Timing_Proxy", "TimingProxy")]
    [InlineData("ReverseProxies", null)]
    [InlineData("ReverseProxi", "ReverseProxy")]
    [InlineData("reverseproxy", null)]
    [InlineData("ConnectionStrings", null)]
    public void Read_SectionBesideOurs_IsAnErrorOnlyWhereItIsMistyped(string section, string? nearest)
    {
        var (_, errors) = SettingsReader.Read(new ConfigurationBuilder().AddInMemoryCollection([new($"{section}:A:B", "x")]).Build());

        Assert.Equal(nearest is null ? [] : [$"{section}: there is no such section; the nearest is {nearest}"], errors.Select(error => error.Message));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{ "Headers": {}, "Upstream": { "Timeout": null } }""")]
    public void Read_NothingOrNull_IsTheDefault(string json)
    {
        var (settings, errors) = Read(json);

        Assert.Empty(errors);
        Assert.Equal(new ProxySettings().Upstream.Timeout, settings.Upstream.Timeout);
    }

    [Fact]
    public void Read_EmptyListOfTrustedPeers_TrustsNobodyAndUnsetEverybody()
    {
        Assert.Equal([], Read("""{ "Forwarding": { "TrustedPeers": [] } }""").Settings.Forwarding.TrustedPeers);
        Assert.Null(Read("{}").Settings.Forwarding.TrustedPeers);
    }

    [Fact]
    public void Read_SeveralBadItemsOfAList_AreAllNamed()
    {
        var error = Assert.Single(Read("""{ "Headers": { "VisibleTo": ["one", "10.0.0.0/8", "two"] } }""").Errors);

        Assert.Contains("\"one\" is not a network", error.Message, StringComparison.Ordinal);
        Assert.Contains("\"two\" is not a network", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_NumberWithExponent_IsReadAsJsonMeansIt() =>
        Assert.Equal([0.001, 1], Read("""{ "Metrics": { "Buckets": [1e-3, 1] } }""").Settings.Metrics.Buckets);

    [Fact]
    public void Read_ObjectivesInAnyOrder_AreTaken() =>
        Assert.Equal([250, 100], Read("""{ "Metrics": { "SloMs": [250, 100] } }""").Settings.Metrics.SloMs);

    [Fact]
    public void Read_SpacesAround_AreNoPartOfAValue() =>
        Assert.Equal("unix:/run/app.sock", Read("""{ "Upstream": " unix:/run/app.sock " }""").Settings.Upstream.Address);

    [Theory]
    [InlineData("Content-Length")]
    [InlineData("transfer-encoding")]
    [InlineData("Connection")]
    public void Read_HeaderThatFramesTheMessage_IsRefusedAsTimingHeader(string name) =>
        Assert.Contains("frames the message", Assert.Single(Read($$"""{ "Headers": { "Name": "{{name}}" } }""").Errors).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("577h")]
    [InlineData("24.00:00:01")]
    public void Duration_LongerThanATimerTakes_IsRefusedWithTheLongest(string text) =>
        Assert.Contains("576h or less", Assert.Throws<FormatException>(() => Duration.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void Duration_Longest_IsWhatDotNetTakes()
    {
        using var handler = new SocketsHttpHandler { ConnectTimeout = Duration.Longest };
        using var timer = TimeProvider.System.CreateTimer(_ => { }, null, Duration.Parse("576h"), Timeout.InfiniteTimeSpan);

        Assert.Equal(Duration.Longest, handler.ConnectTimeout);
    }

    [Theory]
    [InlineData("/articles/{slug}")]
    [InlineData("/users/{id:int}")]
    [InlineData("/files/{**path}")]
    [InlineData("/y/{year:range(1900,2100)}/{name:regex(^[[a-z]]+$)}")]
    public void RoutePattern_ThatRoutingTakes_IsTaken(string pattern) => Assert.Equal(pattern, RoutePatterns.Check(pattern));

    [Theory]
    [InlineData("/a/{id:foo}", "there is no constraint \"foo\"")]
    [InlineData("/a/{id:range(a,b)}", "constraint \"range(a,b)\" cannot be used")]
    [InlineData("/a/{id:regex([)}", "cannot be used")]
    [InlineData("/a/{id", "not a route pattern")]
    public void RoutePattern_ThatWouldFailEachRequest_IsRefused(string pattern, string reason)
    {
        string message = Assert.Throws<FormatException>(() => RoutePatterns.Check(pattern)).Message;

        Assert.Contains(reason, message, StringComparison.Ordinal);
        Assert.Contains(pattern, message, StringComparison.Ordinal);
        Assert.Contains("/users/{id:int}", message, StringComparison.Ordinal);
    }

    private static (ProxySettings Settings, IReadOnlyList<SettingError> Errors) Read(string section) =>
        SettingsReader.Read(new ConfigurationBuilder()
            .AddJsonStream(new MemoryStream(Encoding.UTF8.GetBytes($$"""{ "TimingProxy": {{section}} }""")))
            .Build());
}
