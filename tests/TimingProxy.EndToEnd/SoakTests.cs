using System.Globalization;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>
/// Mixed traffic with aborts, upgrades, failures, scrapes and a changed configuration every second, for as long as one likes: nothing that
/// must be right is wrong, and memory, descriptors, threads and series do not grow.
/// </summary>
[Trait(RunLength.Trait, RunLength.Any)]
public sealed class SoakTests
{
    private static readonly TimeProvider Time = TimeProvider.System;

    /// <summary>The watcher looks each second: any faster, and it would skip some.</summary>
    private static readonly TimeSpan ReloadEvery = TimeSpan.FromSeconds(1.05);

    private readonly List<Sample> _samples = [];
    private int _reloads;
    private int _rejections;

    private sealed record Sample(TimeSpan At, double ResidentMb, int Descriptors, int Threads, int Series);

    [Fact]
    public async Task Proxy_UnderMixedTrafficAndReloads_StaysRightAndDoesNotGrow()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var length = TimeSpan.FromMinutes(RunLength.Of("SOAK_MINUTES", inTheGate: 1));
        await using var first = new RawBackend(MixedTraffic.AnswerAsync);
        await using var second = new RawBackend(MixedTraffic.AnswerAsync);
        using var folder = new TempFolder();
        var file = folder.File("proxy.json");
        await File.WriteAllTextAsync(file, Configuration(0, first.Port), cancellationToken);
        await using var proxy = await ProxyProcess.StartAsync(["--config", file], cancellationToken);
        var begin = Time.GetTimestamp();
        await using (var traffic = new MixedTraffic(proxy.Port))
        {
            using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            end.CancelAfter(length);
            await Task.WhenAll(ReloadAsync(proxy, file, [first, second], end.Token), WatchAsync(proxy, begin, end.Token));
            await traffic.StopAsync();
            await RunLength.WriteResultAsync("soak.md", Page(length, traffic), cancellationToken);
            Assert.True(traffic.Wrong.IsEmpty, $"{traffic.Wrong.Count} went wrong:\n{string.Join('\n', traffic.Wrong.Take(20))}");
            Assert.All(traffic.Right, kind => Assert.True(kind.Value > length.TotalSeconds / 4, $"{kind.Key}: only {kind.Value}."));
        }

        var wanted = (int)(length / ReloadEvery * 0.7);
        Assert.True(_reloads + _rejections > wanted, $"Only {_reloads} reloads and {_rejections} rejections, and not {wanted}.");
        AssertFlat();
        // What was under way is over, whatever way it ended.
        await proxy.ScrapeUntilAsync(
            s => s.Sum("timingproxy_active_requests") == 0 && s.Sum("timingproxy_upgraded_connections") == 0, "that nothing is under way", cancellationToken);
        await Until.TrueAsync(
            () => Task.FromResult(ProcessFacts.Of(proxy.Process).Sockets < 20), () => $"{ProcessFacts.Of(proxy.Process).Sockets} sockets are open.", cancellationToken);
        Assert.Equal(0, await proxy.StopAsync(cancellationToken));
    }

    /// <summary>The second quarter, when all has been seen once, against the last.</summary>
    private void AssertFlat()
    {
        var quarter = _samples.Count / 4;
        var (early, late) = (_samples[quarter..(2 * quarter)], _samples[^quarter..]);
        var (mbEarly, mbLate) = (Median(early.Select(s => s.ResidentMb)), Median(late.Select(s => s.ResidentMb)));
        Assert.True(mbLate < mbEarly + 12, $"Resident memory grew from {mbEarly:F0} to {mbLate:F0} MiB.");
        Assert.InRange(late.Max(s => s.Descriptors), 0, early.Max(s => s.Descriptors) + 30);
        Assert.InRange(late.Max(s => s.Threads), 0, early.Max(s => s.Threads) + 10);
        // The runtime's own few appear when there is first something to count.
        Assert.InRange(late[^1].Series, 0, early[^1].Series + 25);
    }

    private async Task WatchAsync(ProxyProcess proxy, long begin, CancellationToken end)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1));
        for (var n = 0; await TickAsync(timer, end); n++)
        {
            var scrape = await proxy.ScrapeAsync(CancellationToken.None);
            Assert.Equal(200, (await proxy.AdminAsync("/readyz", CancellationToken.None)).Status);
            if (n % 2 == 0)
            {
                Assert.Equal(200, (await proxy.AdminAsync("/insight.json", CancellationToken.None)).Status);
                var facts = ProcessFacts.Of(proxy.Process);
                var series = scrape.Text.Split('\n').Count(line => line.Length > 0 && line[0] != '#');
                _samples.Add(new Sample(Time.GetElapsedTime(begin), facts.ResidentMb, facts.Descriptors, facts.Threads, series));
            }
        }
    }

    /// <summary>A new configuration, and that it is in force (or rejected, each tenth), again and again.</summary>
    private async Task ReloadAsync(ProxyProcess proxy, string file, RawBackend[] backends, CancellationToken end)
    {
        const string Gauge = "timingproxy_config_last_reload_successful";
        const string Success = "timingproxy_config_last_reload_success_timestamp_seconds";
        using var timer = new PeriodicTimer(ReloadEvery);
        for (var n = 1; await TickAsync(timer, end); n++)
        {
            var before = await proxy.ScrapeAsync(CancellationToken.None);
            var isBad = n % 10 == 0;
            await File.WriteAllTextAsync(file, isBad ? Configuration(n, 0).Replace("Timeout", "Tmieout", StringComparison.Ordinal) : Configuration(n, backends[n % 2].Port), CancellationToken.None);
            await proxy.ScrapeUntilAsync(
                s => isBad ? s.Sum(Gauge) == 0 : s.Sum(Gauge) == 1 && s.Sum(Success) > before.Sum(Success), isBad ? "a rejection" : "a reload", CancellationToken.None);
            _ = isBad ? _rejections++ : _reloads++;
        }
    }

    /// <summary>Another backend each time, and so another client for it now and then, other routes, other headers.</summary>
    private static string Configuration(int n, int port) => $$"""
        { "TimingProxy": {
            "Upstream": { "Address": "http://127.0.0.1:{{port}}", "Timeout": "{{30 + (n % 3)}}s", "KeepAlive": "{{1 + (n % 2)}}s" },
            "Headers": { "ServerTiming": {{(n % 4 == 0 ? "true" : "false")}} },
            "Metrics": { "LearnRoutes": true, "Routes": ["/articles/{id}"{{(n % 5 == 0 ? ", \"/new/{id}\"" : "")}}] } } }
        """;

    private static async Task<bool> TickAsync(PeriodicTimer timer, CancellationToken end)
    {
        try
        {
            return await timer.WaitForNextTickAsync(end);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted[sorted.Length / 2];
    }

    private string Page(TimeSpan length, MixedTraffic traffic) => string.Create(CultureInfo.InvariantCulture, $"""
        # Soak

        Made by `RESULTS=$PWD/docs/results SOAK_MINUTES={length.TotalMinutes:F0} dotnet test --project tests/TimingProxy.EndToEnd --filter-class
        TimingProxy.EndToEnd.SoakTests`. A scrape and `/readyz` each second, the insight page's data each other; configuration reloaded {_reloads} times, and
        rejected {_rejections} times, meanwhile.

        | traffic | went as it must |
        |---|---|
        {string.Join('\n', traffic.Right.OrderByDescending(kind => kind.Value).Select(kind => string.Create(CultureInfo.InvariantCulture, $"| {kind.Key} | {kind.Value} |")))}
        | **anything that did not** | {traffic.Wrong.Count} |

        | after | resident memory, MiB | descriptors | threads | series |
        |---|---|---|---|---|
        {string.Join('\n', Rows())}

        """);

    private IEnumerable<string> Rows() => _samples.Where((_, n) => n % Math.Max(1, _samples.Count / 20) == 0).Select(s => string.Create(
        CultureInfo.InvariantCulture, $"| {s.At:mm\\:ss} | {s.ResidentMb:F0} | {s.Descriptors} | {s.Threads} | {s.Series} |"));
}
