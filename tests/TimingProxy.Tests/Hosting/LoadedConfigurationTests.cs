using TimingProxy.Hosting;

namespace TimingProxy.Tests.Hosting;

public sealed class LoadedConfigurationTests : IDisposable
{
    private const string Upstream = """{ "TimingProxy": { "Upstream": { "Address": "http://file:1", "Timeout": "1s" }, "Headers": { "Name": "X-File" } } }""";

    private readonly string _folder = Directory.CreateTempSubdirectory("timingproxy-").FullName;

    [Fact]
    public async Task Load_FlagEnvironmentAndFile_WinInThisOrder()
    {
        var loaded = await LoadAsync(
            Upstream,
            environment: new() { ["TIMINGPROXY_UPSTREAM"] = "http://environment:1", ["TIMINGPROXY_UPSTREAM__TIMEOUT"] = "2s" },
            flags: new() { ["TimingProxy:Upstream:Address"] = "http://flag:1" });

        Assert.Equal("http://flag:1", loaded.Settings.Upstream.Address);
        Assert.Equal(TimeSpan.FromSeconds(2), loaded.Settings.Upstream.Timeout);
        Assert.Equal("X-File", loaded.Settings.Headers.Name);
    }

    [Fact]
    public async Task Load_ShortUpstreamOfTheFileAndEnvironment_EnvironmentWins()
    {
        var loaded = await LoadAsync(
            """{ "TimingProxy": { "Upstream": "http://file:1" } }""", environment: new() { ["TIMINGPROXY_UPSTREAM"] = "http://environment:1" });

        Assert.Equal("http://environment:1", loaded.Settings.Upstream.Address);
    }

    [Fact]
    public async Task Load_ListInOneLineOfTheEnvironmentAndArrayInTheFile_EnvironmentWins()
    {
        var loaded = await LoadAsync(
            """{ "TimingProxy": { "Upstream": "http://a:1", "Listen": ["http://127.0.0.1:1", "http://127.0.0.1:2"] } }""",
            environment: new() { ["TIMINGPROXY_LISTEN"] = "http://127.0.0.1:3" });

        Assert.Equal(["http://127.0.0.1:3"], loaded.Settings.Listen);
    }

    [Fact]
    public async Task Load_ForeignSectionsOfTheEnvironment_AreRead()
    {
        var loaded = await LoadAsync(Upstream, environment: new() { ["Logging__LogLevel__Default"] = "Debug", ["Path"] = "/bin" });

        Assert.Equal("Debug", loaded.Root["Logging:LogLevel:Default"]);
        Assert.Null(loaded.Root["Path"]);
    }

    [Fact]
    public async Task Load_UnknownVariable_IsAWarningOnly() =>
        Assert.Single((await LoadAsync(Upstream, environment: new() { ["TIMINGPROXY_LISTN"] = "x" })).Warnings);

    [Theory]
    [InlineData("false", 1)]
    [InlineData("true", 0)]
    public async Task Load_LimitOfALogThatIsOff_IsAWarning(string enabled, int warnings)
    {
        var loaded = await LoadAsync(Upstream, environment: new() { ["TIMINGPROXY_ACCESSLOG__SLOWMS"] = "500", ["TIMINGPROXY_ACCESSLOG__ENABLED"] = enabled });

        Assert.Equal(warnings, loaded.Warnings.Count(warning => warning.Contains("AccessLog:Enabled", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(3, 0)]
    [InlineData(2, 1)]
    public async Task Load_MoreRoutesThanTheMetricsHavePlacesFor_IsAWarningWithBothNumbers(int maxRoutes, int warnings)
    {
        var loaded = await LoadAsync(
            """
            {
              "TimingProxy": { "Upstream": "http://a:1", "Metrics": { "Routes": ["/a", "/A", "/b"] } },
              "ReverseProxy": { "Routes": { "r": { "ClusterId": "upstream", "Match": { "Path": "/c" } } } }
            }
            """,
            environment: new() { ["TIMINGPROXY_METRICS__MAXROUTES"] = $"{maxRoutes}" });

        Assert.Equal(warnings, loaded.Warnings.Count);
        Assert.All(loaded.Warnings, warning => Assert.StartsWith("3 routes are configured, and TimingProxy:Metrics:MaxRoutes = \"2\": ", warning, StringComparison.Ordinal));
        Assert.All(loaded.Warnings, warning => Assert.EndsWith("raise TimingProxy:Metrics:MaxRoutes to 3 or more", warning, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("""{ "TimingProxy": { "Upstream": "http://a:1", "Nonsense": 1 } }""", "TimingProxy:Nonsense")]
    [InlineData("""{ "TimingProxy": { "Upstream": { "Address": "http://a:1", "Timeout": 10 } } }""", "TimingProxy:Upstream:Timeout = \"10\"")]
    [InlineData("{ \"TimingProxy\": {", "broken")]
    [InlineData("", "empty")]
    [InlineData("  \n", "empty")]
    [InlineData("[1]", "broken")]
    public async Task Load_BadFile_Is78AndNamesIt(string json, string expected)
    {
        var error = await Assert.ThrowsAsync<StartupError>(() => LoadAsync(json));

        Assert.Equal(78, error.ExitCode);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Contains(_folder, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Load_MissingFile_Is78()
    {
        var options = new StartOptions(new Dictionary<string, string?>(), Path.Combine(_folder, "none.json"), false, new Dictionary<string, string>());

        var error = await Assert.ThrowsAsync<StartupError>(async () => await LoadedConfiguration.LoadAsync(options, TestContext.Current.CancellationToken));

        Assert.Equal(78, error.ExitCode);
        Assert.Contains("none.json", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Load_BadVariable_Is78AndNamesTheVariable()
    {
        var error = await Assert.ThrowsAsync<StartupError>(() => LoadAsync(Upstream, environment: new() { ["TIMINGPROXY_UPSTREAM__TIMEOUT"] = "10" }));

        Assert.Equal(78, error.ExitCode);
        Assert.StartsWith("TIMINGPROXY_UPSTREAM__TIMEOUT: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Load_BadFlag_Is64AndNamesTheFlag()
    {
        var error = await Assert.ThrowsAsync<StartupError>(() => LoadAsync(Upstream, flags: new() { ["TimingProxy:Listen"] = "nowhere" }));

        Assert.Equal(64, error.ExitCode);
        Assert.StartsWith("--listen: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Load_NothingToProxyTo_Is64WithAHint()
    {
        var error = await Assert.ThrowsAsync<StartupError>(() => LoadAsync("{}"));

        Assert.Equal(64, error.ExitCode);
        Assert.Contains("--upstream http://", error.Message, StringComparison.Ordinal);
        Assert.Contains("--demo", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Load_RoutesOfYarpOnly_IsEnough() =>
        Assert.Null((await LoadAsync("""{ "ReverseProxy": { "Routes": { "a": { "ClusterId": "b" } } } }""")).Settings.Upstream.Address);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private async Task<LoadedConfiguration> LoadAsync(
        string json, Dictionary<string, string>? environment = null, Dictionary<string, string?>? flags = null)
    {
        string path = Path.Combine(_folder, "settings.json");
        await File.WriteAllTextAsync(path, json, TestContext.Current.CancellationToken);
        return await LoadedConfiguration.LoadAsync(
            new StartOptions(flags ?? [], path, Demo: false, environment ?? []), TestContext.Current.CancellationToken);
    }
}
