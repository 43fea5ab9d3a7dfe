using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;
using TimingProxy.Hosting;

namespace TimingProxy.Tests.Hosting;

/// <summary>What the watcher tells of a changed file: every error, once, and what has to wait for a restart.</summary>
public sealed class ReloadReportTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("timingproxy-").FullName;
    private readonly FakeTimeProvider _time = new();
    private readonly FakeLogger<ConfigWatcher> _log = new();
    private readonly List<LoadedConfiguration> _applied = [];
    private ReloadTarget _target;

    public ReloadReportTests() => _target = new ReloadTarget(
        (_, _) => ValueTask.FromResult<IReadOnlyList<string>>([]),
        (next, _) =>
        {
            _applied.Add(next);
            return ValueTask.CompletedTask;
        });

    private string FilePath => Path.Combine(_folder, "settings.json");

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Check_BadSettingsAndBadRoutes_AreLoggedAllInOneEntryAndOnce()
    {
        _target = _target with { ErrorsOfAsync = (_, _) => ValueTask.FromResult<IReadOnlyList<string>>(["route r: no such cluster"]) };
        var (watcher, _) = await StartAsync("""{ "Upstream": "http://a:1" }""");

        await WriteAsync("""{ "Upstream": "http://a:1", "Headers": { "Name": "X Y" }, "Lissten": "x" }""");
        await watcher.CheckAsync(Cancelled);
        await watcher.CheckAsync(Cancelled);

        string entry = Assert.Single(Logged(LogLevel.Error));
        Assert.Contains("TimingProxy:Headers:Name", entry, StringComparison.Ordinal);
        Assert.Contains("TimingProxy:Lissten", entry, StringComparison.Ordinal);
        Assert.Contains("route r: no such cluster", entry, StringComparison.Ordinal);
        Assert.Empty(_applied);
    }

    [Fact]
    public async Task Check_BadUpstream_IsNotFollowedByErrorsThatComeOfIt()
    {
        _target = _target with { ErrorsOfAsync = (_, _) => ValueTask.FromResult<IReadOnlyList<string>>(["there is no cluster upstream"]) };
        var (watcher, _) = await StartAsync("""{ "Upstream": "http://a:1" }""");

        await WriteAsync("""{ "Upstream": "a:1" }""");
        await watcher.CheckAsync(Cancelled);

        Assert.DoesNotContain("there is no cluster upstream", Assert.Single(Logged(LogLevel.Error)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_RoutesWithoutUpstreamAndABadSetting_AreLoggedTogether()
    {
        const string Routes = """, "ReverseProxy": { "Routes": { "r": { "ClusterId": "c" } } }""";
        _target = _target with { ErrorsOfAsync = (_, _) => throw new StartupError(ExitCode.Configuration, "ReverseProxy: cannot be read") };
        var (watcher, _) = await StartAsync("{}", ofOthers: Routes);

        await WriteAsync("""{ "Headers": { "Name": "X Y" } }""", Routes);
        await watcher.CheckAsync(Cancelled);

        string entry = Assert.Single(Logged(LogLevel.Error));
        Assert.Contains("TimingProxy:Headers:Name", entry, StringComparison.Ordinal);
        Assert.Contains("ReverseProxy: cannot be read", entry, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_MissingFile_IsLoggedOnceAndTheSameContentIsGoodAgain()
    {
        const string Good = """{ "Upstream": "http://a:1" }""";
        var (watcher, status) = await StartAsync(Good);

        File.Delete(FilePath);
        await watcher.CheckAsync(Cancelled);
        await watcher.CheckAsync(Cancelled);
        Assert.Contains("cannot be read", Assert.Single(Logged(LogLevel.Error)), StringComparison.Ordinal);
        Assert.False(status.LastSuccessful);

        await WriteAsync(Good);
        await watcher.CheckAsync(Cancelled);
        Assert.True(status.LastSuccessful);
    }

    [Fact]
    public async Task Dispose_OfOneThatWasNeverStopped_IsNoFailure()
    {
        // A host that cannot listen disposes of what it has started, and logs what then fails with its stack.
        var looked = new TaskCompletionSource();
        _target = _target with
        {
            ApplyAsync = (_, _) =>
            {
                looked.TrySetResult();
                return ValueTask.CompletedTask;
            },
        };
        var (watcher, _) = await StartAsync("""{ "Upstream": "http://a:1" }""");
        await WriteAsync("""{ "Upstream": "http://b:1" }""");
        await watcher.StartAsync(Cancelled);
        while (!looked.Task.IsCompleted)
        {
            // Its timer is made on another thread.
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        watcher.Dispose();

        await watcher.ExecuteTask!;
    }

    [Fact]
    public async Task Check_NothingLeftToProxyTo_IsRejected()
    {
        var (watcher, status) = await StartAsync("""{ "Upstream": "http://a:1" }""");

        await WriteAsync("{}");
        await watcher.CheckAsync(Cancelled);

        Assert.False(status.LastSuccessful);
        Assert.Empty(_applied);
    }

    [Fact]
    public async Task Check_ValidationIsCancelledByItself_IsRejectedAndWatchedOn()
    {
        var (watcher, status) = await StartAsync("""{ "Upstream": "http://a:1" }""");
        var works = _target;
        _target = _target with { ErrorsOfAsync = (_, _) => throw new OperationCanceledException("took too long") };

        await WriteAsync("""{ "Upstream": "http://b:1" }""");
        await watcher.CheckAsync(Cancelled);
        Assert.False(status.LastSuccessful);

        _target = works;
        await WriteAsync("""{ "Upstream": "http://c:1" }""");
        await watcher.CheckAsync(Cancelled);
        Assert.Equal("http://c:1", Assert.Single(_applied).Settings.Upstream.Address);
    }

    [Fact]
    public async Task Check_SettingThatNeedsARestart_IsWarnedOfUntilItIsWhatRuns()
    {
        var (watcher, status) = await StartAsync("""{ "Upstream": "http://a:1", "Metrics": { "MaxRoutes": 5 } }""");

        await WriteAsync("""{ "Upstream": "http://a:1", "Metrics": { "MaxRoutes": 6 } }""");
        await watcher.CheckAsync(Cancelled);
        Assert.Equal("TimingProxy:Metrics:MaxRoutes = \"6\" takes effect at the next start; until then it is \"5\"", Assert.Single(Logged(LogLevel.Warning)));
        Assert.True(status.LastSuccessful);

        await WriteAsync("""{ "Upstream": "http://a:1", "Metrics": { "MaxRoutes": 5 } }""");
        await watcher.CheckAsync(Cancelled);
        Assert.Single(Logged(LogLevel.Warning));
    }

    [Fact]
    public async Task Check_RoutesGrowPastTheirPlaces_IsWarnedOfOnce()
    {
        var (watcher, status) = await StartAsync("""{ "Upstream": "http://a:1", "Metrics": { "MaxRoutes": 1 } }""");

        await WriteAsync("""{ "Upstream": "http://a:1", "Metrics": { "MaxRoutes": 1, "Routes": ["/a", "/b"] } }""");
        await watcher.CheckAsync(Cancelled);
        await WriteAsync("""{ "Upstream": "http://b:1", "Metrics": { "MaxRoutes": 1, "Routes": ["/a", "/b"] } }""");
        await watcher.CheckAsync(Cancelled);

        Assert.StartsWith("2 routes are configured", Assert.Single(Logged(LogLevel.Warning)), StringComparison.Ordinal);
        Assert.True(status.LastSuccessful);
        Assert.Equal(2, _applied.Count);
    }

    [Fact]
    public async Task Check_SectionOfTheStartChanges_IsWarnedOf()
    {
        var (watcher, _) = await StartAsync("""{ "Upstream": "http://a:1" }""");

        await WriteAsync("""{ "Upstream": "http://a:1" }""", """, "Logging": { "LogLevel": { "Default": "Debug" } }""");
        await watcher.CheckAsync(Cancelled);

        Assert.StartsWith("Logging has changed", Assert.Single(Logged(LogLevel.Warning)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Watcher_UnknownVariable_IsWarnedOfAtTheStart()
    {
        var (watcher, _) = await StartAsync("""{ "Upstream": "http://a:1" }""", new() { ["TIMINGPROXY_LISTN"] = "x" });

        await watcher.StartAsync(Cancelled);
        await watcher.StopAsync(Cancelled);

        Assert.Contains("TIMINGPROXY_LISTEN", Assert.Single(Logged(LogLevel.Warning)), StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private IEnumerable<string> Logged(LogLevel level) =>
        _log.Collector.GetSnapshot().Where(entry => entry.Level == level).Select(entry => entry.Message);

    private Task WriteAsync(string section, string ofOthers = "") =>
        File.WriteAllTextAsync(FilePath, $$"""{ "TimingProxy": {{section}}{{ofOthers}} }""", Cancelled);

    private async Task<(ConfigWatcher Watcher, ReloadStatus Status)> StartAsync(
        string section, Dictionary<string, string>? environment = null, string ofOthers = "")
    {
        await WriteAsync(section, ofOthers);
        var options = new StartOptions(new Dictionary<string, string?>(), FilePath, Demo: false, environment ?? []);
        var running = new RunningConfiguration(await LoadedConfiguration.LoadAsync(options, Cancelled));
        var status = new ReloadStatus(_time);
        var target = new ReloadTarget(
            (next, cancellationToken) => _target.ErrorsOfAsync(next, cancellationToken), (next, cancellationToken) => _target.ApplyAsync(next, cancellationToken));
        return (new ConfigWatcher(options, running, target, status, _time, _log), status);
    }
}
