using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using TimingProxy.Hosting;

namespace TimingProxy.Tests.Hosting;

public sealed class ConfigWatcherTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("timingproxy-").FullName;
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2024, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly List<string> _applied = [];
    private readonly List<string> _errors = [];
    private ReloadStatus _status = null!;

    private string FilePath => Path.Combine(_folder, "settings.json");

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Check_GoodThenBadThenGood_KeepsTheLastGoodOne()
    {
        await WriteAsync("X-One");
        var watcher = await StartAsync();

        await watcher.CheckAsync(Cancelled);
        Assert.Empty(_applied);

        _time.Advance(TimeSpan.FromMinutes(1));
        await WriteAsync("X-Two");
        await watcher.CheckAsync(Cancelled);
        Assert.Equal(["X-Two"], _applied);
        Assert.True(_status.LastSuccessful);
        var taken = _time.GetUtcNow();
        Assert.Equal(taken, _status.LastSuccess);

        _time.Advance(TimeSpan.FromMinutes(1));
        await WriteAsync("X Three");
        await watcher.CheckAsync(Cancelled);
        Assert.Equal(["X-Two"], _applied);
        Assert.False(_status.LastSuccessful);
        Assert.Equal(taken, _status.LastSuccess);

        await WriteAsync("X-Four");
        await watcher.CheckAsync(Cancelled);
        Assert.Equal(["X-Two", "X-Four"], _applied);
        Assert.True(_status.LastSuccessful);
    }

    [Fact]
    public async Task Check_ErrorsBeyondTheSettings_RejectTheWhole()
    {
        await WriteAsync("X-One");
        var watcher = await StartAsync();
        _errors.Add("a route is wrong");

        await WriteAsync("X-Two");
        await watcher.CheckAsync(Cancelled);

        Assert.Empty(_applied);
        Assert.False(_status.LastSuccessful);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{ \"TimingProxy\": { \"Headers\": { \"Na")]
    public async Task Check_TornFile_IsRejectedAndTakenOnceItIsWhole(string torn)
    {
        await WriteAsync("X-One");
        var watcher = await StartAsync();

        await File.WriteAllTextAsync(FilePath, torn, Cancelled);
        await watcher.CheckAsync(Cancelled);
        Assert.False(_status.LastSuccessful);

        await WriteAsync("X-Two");
        await watcher.CheckAsync(Cancelled);
        Assert.Equal(["X-Two"], _applied);
        Assert.True(_status.LastSuccessful);
    }

    [Fact]
    public async Task Check_DeletedFile_IsRejectedAndComesBack()
    {
        await WriteAsync("X-One");
        var watcher = await StartAsync();

        File.Delete(FilePath);
        await watcher.CheckAsync(Cancelled);
        Assert.False(_status.LastSuccessful);
        Assert.Empty(_applied);

        await WriteAsync("X-One");
        await watcher.CheckAsync(Cancelled);
        Assert.True(_status.LastSuccessful);
    }

    [Fact]
    public async Task Check_LinkSwappedAsAConfigMapIs_IsNoticed()
    {
        foreach (string version in new[] { "one", "two" })
        {
            Directory.CreateDirectory(Path.Combine(_folder, version));
            await WriteAsync($"X-{version}", Path.Combine(_folder, version, "settings.json"));
        }

        string data = Path.Combine(_folder, "..data");
        Directory.CreateSymbolicLink(data, "one");
        File.CreateSymbolicLink(FilePath, Path.Combine("..data", "settings.json"));
        var watcher = await StartAsync();

        Directory.Delete(data);
        Directory.CreateSymbolicLink(data, "two");
        await watcher.CheckAsync(Cancelled);

        Assert.Equal(["X-two"], _applied);
    }

    [Fact]
    public async Task Check_ApplyFails_IsShownAsNotSuccessful()
    {
        await WriteAsync("X-One");
        var watcher = await StartAsync(apply: _ => throw new InvalidOperationException("no"));

        await WriteAsync("X-Two");
        await watcher.CheckAsync(Cancelled);

        Assert.False(_status.LastSuccessful);
    }

    [Fact]
    public async Task Watcher_FileChanges_IsTaken()
    {
        await WriteAsync("X-One");
        var applied = new TaskCompletionSource<string>();
        var watcher = await StartAsync(loaded => applied.SetResult(loaded.Settings.Headers.Name));
        await watcher.StartAsync(Cancelled);

        await WriteAsync("X-Two");
        // The loop may not have come to its timer yet.
        while (!applied.Task.IsCompleted)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.WhenAny(applied.Task, Task.Delay(10, Cancelled));
        }

        Assert.Equal("X-Two", await applied.Task);
        await watcher.StopAsync(Cancelled);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private Task WriteAsync(string headerName, string? path = null) => File.WriteAllTextAsync(
        path ?? FilePath, $$"""{ "TimingProxy": { "Upstream": "http://a:1", "Headers": { "Name": "{{headerName}}" } } }""", Cancelled);

    private async Task<ConfigWatcher> StartAsync(Action<LoadedConfiguration>? apply = null)
    {
        var options = new StartOptions(new Dictionary<string, string?>(), FilePath, Demo: false, new Dictionary<string, string>());
        var loaded = await LoadedConfiguration.LoadAsync(options, Cancelled);
        _status = new ReloadStatus(_time);
        apply ??= next => _applied.Add(next.Settings.Headers.Name);
        var target = new ReloadTarget(
            (_, _) => ValueTask.FromResult<IReadOnlyList<string>>(_errors),
            (next, _) =>
            {
                apply(next);
                return ValueTask.CompletedTask;
            });
        return new ConfigWatcher(options, new RunningConfiguration(loaded), target, _status, _time, NullLogger<ConfigWatcher>.Instance);
    }
}
