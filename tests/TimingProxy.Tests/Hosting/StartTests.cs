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
    public async Task Build_SectionThatCannotBeRead_IsAnErrorThatNamesTheFileIfThereIsOne(bool hasFile)
    {
        var environment = new Dictionary<string, string> { ["ReverseProxy__Routes__r__Order"] = "first" };
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
        Assert.StartsWith(hasFile ? $"{path}: ReverseProxy: " : "ReverseProxy: ", error.Message, StringComparison.Ordinal);
        Assert.Contains("first", error.Message, StringComparison.Ordinal);
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
        string path = Path.Combine(_folder, "settings.json");
        await File.WriteAllTextAsync(path, json, TestContext.Current.CancellationToken);
        var options = new StartOptions(new Dictionary<string, string?>(), path, Demo: false, new Dictionary<string, string>());
        return (options, await LoadedConfiguration.LoadAsync(options, TestContext.Current.CancellationToken));
    }
}
