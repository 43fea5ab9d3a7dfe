using Microsoft.AspNetCore.Connections;
using TimingProxy.Hosting;
using TimingProxy.Settings;

namespace TimingProxy.Tests.Hosting;

/// <summary>What is known of a proxy that was put together and has not started.</summary>
public sealed class StartTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("timingproxy-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("""{ "Url": "nope" }""", "nope")]
    [InlineData("""{ "Url": "https://127.0.0.1:1", "Certificate": { "Path": "/nowhere/tls.pem" } }""", "/nowhere/tls.pem")]
    public async Task Build_KestrelEndpointThatCannotBe_IsAnErrorOfTheConfiguration(string endpoint, string named)
    {
        var error = await Assert.ThrowsAsync<StartupError>(async () =>
        {
            await using var app = await BuildAsync($$"""{ "TimingProxy": { "Upstream": "http://a:1" }, "Kestrel": { "Endpoints": { "E": {{endpoint}} } } }""");
        });

        Assert.Equal(ExitCode.Configuration, error.ExitCode);
        Assert.StartsWith("Kestrel:Endpoints: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    // An address for documentation (RFC 5737), which no machine has.
    [InlineData("", """, "Kestrel": { "Endpoints": { "E": { "Url": "http://192.0.2.1:9" } } }""", "One of http://192.0.2.1:9 (Kestrel:Endpoints:E), http://127.0.0.1:0 cannot", "in Kestrel:Endpoints or with --admin")]
    [InlineData(""", "Listen": "http://192.0.2.1:9" """, "", "One of http://192.0.2.1:9, http://127.0.0.1:0 cannot", "with --listen or --admin")]
    public async Task Start_OnAnAddressOfNobody_NamesTheAddressesThatAreConfigured(string listen, string kestrel, string named, string mend)
    {
        await using var app = await BuildAsync(
            $$"""{ "TimingProxy": { "Upstream": "http://a:1", "Admin": { "Listen": "http://127.0.0.1:0" }{{listen}} }{{kestrel}} }""");

        var error = await Assert.ThrowsAsync<StartupError>(() => Startup.RunAsync(app, () => Task.CompletedTask, TestContext.Current.CancellationToken));

        Assert.StartsWith(named, error.Message, StringComparison.Ordinal);
        Assert.Contains(mend, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Build_SectionThatCannotBeRead_IsAnErrorThatNamesTheVariable(bool hasFile)
    {
        var environment = new Dictionary<string, string> { ["REVERSEPROXY__Routes__r__Order"] = "first" };
        var options = new StartOptions(new Dictionary<string, string?> { ["TimingProxy:Upstream:Address"] = "http://a:1" }, null, Demo: false, environment);
        string path = Path.Combine(_folder, "settings.json");
        await File.WriteAllTextAsync(path, "{}", TestContext.Current.CancellationToken);
        var file = hasFile ? await ConfigurationFile.ReadAsync(path, TestContext.Current.CancellationToken) : null;
        var loaded = LoadedConfiguration.Read(options, file).Loaded;

        var error = await Assert.ThrowsAsync<StartupError>(async () =>
        {
            await using var app = await ProxyApplication.BuildAsync(options, loaded, TimeProvider.System);
        });

        Assert.Equal(ExitCode.Configuration, error.ExitCode);
        Assert.StartsWith("REVERSEPROXY__Routes__r__Order: ReverseProxy:Routes:r:Order = \"first\": not a whole number", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Build_MistakesInSeveralSections_AreToldAllAtOnceWithTheFile()
    {
        var (options, loaded, settings) = await TryLoadAsync(
            """
            {
              "TimingProxy": { "Upstream": "http://a:1", "Headers": { "Name": "X Y" } },
              "Logging": { "LogLevel": { "Default": "Debgu" } },
              "ReverseProxy": {
                "Routes": [{ "RouteId": "r", "ClusterId": "c", "Match": { "Host": "a.example" } }],
                "Clusters": { "c": { "Destinations": {} } }
              }
            }
            """);

        var error = await Assert.ThrowsAsync<StartupError>(async () =>
        {
            await using var app = await ProxyApplication.BuildAsync(options, loaded, settings, TimeProvider.System);
        });

        Assert.Equal(ExitCode.Configuration, error.ExitCode);
        string[] lines = error.Message.Split('\n');
        Assert.All(
            [
                "TimingProxy:Headers:Name = \"X Y\"",
                "Logging:LogLevel:Default = \"Debgu\"",
                "ReverseProxy:Routes:0:RouteId = \"r\"",
                "ReverseProxy:Routes:0:Match:Host = \"a.example\"",
            ],
            named => Assert.Single(lines, line => line.StartsWith($"{options.ConfigPath}: {named}: ", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(""", "Logging": { "LogLevel": { "Default": "Debgu" } }""", "Logging:LogLevel:Default = \"Debgu\"")]
    [InlineData(""", "Logging": { "Console": { "LogLevel": { "Yarp": "99" } } }""", "Logging:Console:LogLevel:Yarp = \"99\"")]
    [InlineData(""", "ReverseProxy": { "Clusters": { "c": { "Destination": {} , "Destinations": { "d": { "Address": "http://b:1" } } } } }""", "ReverseProxy:Clusters:c:Destination: ")]
    [InlineData(""", "ReverseProxy": { "Clusters": { "c": { "Destinations": {} } } }""", "ReverseProxy:Clusters:c:Destinations: ")]
    [InlineData(""", "ReverseProxy": { "Clusters": { "c": { "Destinations": { "d": { "Address": "http://127.0.0.1:8080" } } } } }""", "ReverseProxy:Clusters:c:Destinations:d:Address = \"http://127.0.0.1:8080\": that is this proxy itself (TimingProxy:Listen = \"http://*:8080\")")]
    [InlineData(""", "ReverseProxy": { "Clusters": { "c": { "Destinations": { "d": { "Address": "h2c://[::1]:9464/x" } } } } }""", "(TimingProxy:Admin:Listen = \"http://*:9464\")")]
    public async Task Reload_MistakeInASectionOfOthers_IsRefused(string section, string named)
    {
        const string Settings = """{ "TimingProxy": { "Upstream": "http://a:1" }""";
        await using var app = await BuildAsync(Settings + "}");
        var next = await LoadAsync(Settings + section + "}");

        var errors = await app.Services.GetRequiredService<ReloadTarget>().ErrorsOfAsync(next.Loaded, TestContext.Current.CancellationToken);

        Assert.Contains(named, Assert.Single(errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Server_ReadsIntoLargeBuffers()
    {
        await using var app = await BuildAsync("""{ "TimingProxy": { "Upstream": "http://a:1" } }""");

        Assert.IsType<NetworkBuffers>(app.Services.GetRequiredService<IMemoryPoolFactory<byte>>());
    }

    [Fact]
    public async Task FirstTraffic_UntilTheServerListensOnTcp_IsNull()
    {
        string socket = Path.Combine(_folder, "a.sock");
        await using var app = await BuildAsync(
            $$"""{ "TimingProxy": { "Upstream": "http://a:1", "Listen": ["http://unix:{{socket}}", "http://127.0.0.1:0"], "Admin": { "Listen": "http://127.0.0.1:0" } } }""");
        var bound = app.Services.GetRequiredService<BoundAddresses>();
        Assert.Null(bound.FirstTraffic);

        await app.StartAsync(TestContext.Current.CancellationToken);

        Assert.Equal("127.0.0.1", bound.FirstTraffic!.Host);
        await app.StopAsync(new CancellationToken(canceled: true));
    }

    [Fact]
    public async Task Reload_SettingsOfTheStart_AreInForceAsTheyWere()
    {
        await using var app = await BuildAsync("""{ "TimingProxy": { "Upstream": "http://a:1", "Metrics": { "MaxRoutes": 5 } } }""");
        var next = await LoadAsync(
            """{ "TimingProxy": { "Upstream": "http://a:1", "Admin": { "Listen": "http://*:1" }, "Metrics": { "MaxRoutes": 6, "LearnRoutes": true } } }""");

        await app.Services.GetRequiredService<ReloadTarget>().ApplyAsync(next.Loaded, TestContext.Current.CancellationToken);

        var current = app.Services.GetRequiredService<LiveSettings>().Current;
        Assert.Equal(5, current.Metrics.MaxRoutes);
        Assert.Equal(["http://*:9464"], current.Admin.Listen);
        Assert.True(current.Metrics.LearnRoutes);
        Assert.False(current.ListenIsSet);
    }

    private async Task<WebApplication> BuildAsync(string json)
    {
        var (options, loaded) = await LoadAsync(json);
        return await ProxyApplication.BuildAsync(options, loaded, TimeProvider.System);
    }

    private async Task<(StartOptions Options, LoadedConfiguration Loaded)> LoadAsync(string json)
    {
        var (options, loaded, error) = await TryLoadAsync(json);
        return error is null ? (options, loaded) : throw error;
    }

    private async Task<(StartOptions Options, LoadedConfiguration Loaded, StartupError? Error)> TryLoadAsync(string json)
    {
        string path = Path.Combine(_folder, "settings.json");
        await File.WriteAllTextAsync(path, json, TestContext.Current.CancellationToken);
        var options = new StartOptions(new Dictionary<string, string?>(), path, Demo: false, new Dictionary<string, string>());
        var (loaded, error) = await LoadedConfiguration.TryLoadAsync(options, TestContext.Current.CancellationToken);
        return (options, loaded, error);
    }
}
