using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>A configuration file edited while requests go through: applied whole, or rejected whole.</summary>
public sealed class ReloadTests
{
    private const string Gauge = "timingproxy_config_last_reload_successful";

    [Fact]
    public async Task ConfigFile_EditedGoodBadGoodUnderLoad_DropsNothing()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var first = new RawBackend(RawBackend.Answering("first", delayMs: 5));
        await using var second = new RawBackend(RawBackend.Answering("second", delayMs: 5));
        await using var third = new RawBackend(RawBackend.Answering("third", delayMs: 5));
        using var folder = new TempFolder();
        var file = folder.File("proxy.json");
        await WriteAsync(Good(first));
        await using var proxy = await ProxyProcess.StartAsync(["--config", file], cancellationToken);
        await using var load = new SteadyLoad(proxy.Port, keptConnections: 3, newConnections: 2);
        await load.AnsweredMoreAsync(20, cancellationToken);

        // 1. Good: the other backend answers from now on.
        await WriteAsync(Good(second));
        await AnsweredByAsync("second");

        // 2. Bad in two places: nothing of it is applied, and the log names both.
        await WriteAsync($$"""
            { "TimingProxy": { "Upstream": { "Address": "http://127.0.0.1:{{third.Port}}", "Timeout": "5" }, "Headers": { "Nmae": "X-Time" } } }
            """);
        await RejectedAsync();
        await proxy.Process.WaitForLineAsync("Nmae", cancellationToken);
        await proxy.Process.WaitForLineAsync("Upstream:Timeout", cancellationToken);
        await load.AnsweredMoreAsync(20, cancellationToken);
        Assert.Equal("second", (await proxy.GetAsync("/", cancellationToken)).Text);

        // 3. Good again.
        await WriteAsync(Good(third));
        await AnsweredByAsync("third");

        // 4. Torn, as an editor may leave it for a moment.
        await WriteAsync("{ \"TimingProxy\": { \"Upstr");
        await RejectedAsync();
        await load.AnsweredMoreAsync(20, cancellationToken);
        Assert.Equal("third", (await proxy.GetAsync("/", cancellationToken)).Text);

        // 5. And good.
        await WriteAsync(Good(first));
        await AnsweredByAsync("first");

        var failed = (await load.StopAsync()).Where(a => a.Outcome != Outcome.Answered).ToArray();
        Assert.True(failed.Length == 0, $"{failed.Length} requests failed:\n{string.Join('\n', failed.Take(10))}\n{proxy.Process.Story}");

        Task WriteAsync(string json) => File.WriteAllTextAsync(file, json, cancellationToken);

        Task RejectedAsync() => proxy.ScrapeUntilAsync(s => s.Has(Gauge) && s.Sum(Gauge) == 0, $"{Gauge} 0", cancellationToken);

        async Task AnsweredByAsync(string name)
        {
            await Until.TrueAsync(
                async () => (await proxy.GetAsync("/", cancellationToken)).Text == name,
                () => $"The edited file was not applied: '{name}' never answered. {proxy.Process.Story}",
                cancellationToken,
                TimeSpan.FromSeconds(20));
            await proxy.ScrapeUntilAsync(s => s.Sum(Gauge) == 1, $"{Gauge} 1", cancellationToken);
        }
    }

    /// <summary>What nginx and Prometheus read their configuration at; the file is looked at without it.</summary>
    [Fact]
    public async Task Sighup_IsSaidAndNotTheEnd()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var backend = new RawBackend(RawBackend.Answering("hello"));
        await using var proxy = await ProxyProcess.InFrontOfAsync(backend.Port, cancellationToken);

        proxy.Process.SendSighup();
        await proxy.Process.WaitForLineAsync("SIGHUP", cancellationToken);

        Assert.Equal("hello", (await proxy.GetAsync("/", cancellationToken)).Text);
    }

    /// <summary>A ConfigMap is mounted as links to a folder, and an update swaps one link; the file itself is never written.</summary>
    [Fact]
    public async Task ConfigMapLink_Swapped_IsNoticed()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var first = new RawBackend(RawBackend.Answering("first"));
        await using var second = new RawBackend(RawBackend.Answering("second"));
        using var folder = new TempFolder();
        Publish("..v1", first);
        File.CreateSymbolicLink(folder.File("proxy.json"), "..data/proxy.json");
        await using var proxy = await ProxyProcess.StartAsync(["--config", folder.File("proxy.json")], cancellationToken);
        Assert.Equal("first", (await proxy.GetAsync("/", cancellationToken)).Text);

        Publish("..v2", second);

        await Until.TrueAsync(
            async () => (await proxy.GetAsync("/", cancellationToken)).Text == "second",
            () => $"The swapped link was not noticed. {proxy.Process.Story}",
            cancellationToken,
            TimeSpan.FromSeconds(20));

        void Publish(string version, RawBackend backend)
        {
            Directory.CreateDirectory(folder.File(version));
            File.WriteAllText(folder.File($"{version}/proxy.json"), Good(backend));
            folder.PointLink("..data", version);
        }
    }

    private static string Good(RawBackend backend) =>
        $$"""{ "TimingProxy": { "Upstream": { "Address": "http://127.0.0.1:{{backend.Port}}" } } }""";
}
