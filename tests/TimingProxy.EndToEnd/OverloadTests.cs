using System.Globalization;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>More than there is room for: what can be answered is, the rest is told so at once, and whoever watches still sees.</summary>
[Trait(RunLength.Trait, RunLength.Any)]
public sealed class OverloadTests
{
    private const int Connections = 4;
    private const int Requests = 40;
    private const int ServiceMs = 20;

    /// <summary>By how much the app's own timer may fire early.</summary>
    private const int EarlyMs = 6;

    private static readonly TimeProvider Time = TimeProvider.System;

    /// <summary>Half of what Prometheus waits for a scrape. The watcher shares its processors with the clients that load the proxy.</summary>
    private static readonly TimeSpan SlowestWatched = TimeSpan.FromSeconds(5);

    /// <summary>An app with four workers of 20 ms, asked twice as much as it can do.</summary>
    [Fact]
    public async Task Proxy_AtTwiceWhatTheAppCanDo_AnswersThatMuchAndRefusesTheRestAtOnce()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var backend = new RawBackend(RawBackend.Answering("hello", ServiceMs));
        await using var proxy = await ProxyProcess.InFrontOfAsync(
            backend.Port, cancellationToken, ("UPSTREAM__MAXCONNECTIONS", $"{Connections}"), ("MAXCONCURRENTREQUESTS", $"{Requests}"));
        var sustainable = await MeasureAsync(proxy, cancellationToken);
        var memory = ProcessFacts.Of(proxy.Process).ResidentMb;
        var length = TimeSpan.FromSeconds(RunLength.Of("OVERLOAD_SECONDS", inTheGate: 5));
        var before = await proxy.ScrapeAsync(cancellationToken);

        await using var watched = new Watcher(proxy);
        var answers = await OpenLoad.RunAsync(proxy.Port, 2 * Connections * 1000 / ServiceMs, length, cancellationToken);
        await watched.StopAsync();

        const string counted = "timingproxy_request_duration_seconds_count";
        var scrape = await proxy.ScrapeUntilAsync(s => s.Sum(counted) >= before.Sum(counted) + answers.Count, "all that was answered", cancellationToken);
        var growth = ProcessFacts.Of(proxy.Process).PeakMb - memory;
        var (good, refused) = (answers.Where(a => a.Status == 200).ToArray(), answers.Where(a => a.Status == 503).ToArray());
        await RunLength.WriteResultAsync("overload.md", Page(sustainable, length, good, refused, watched, scrape, growth), cancellationToken);
        Assert.DoesNotContain(answers, a => a.Status is not (200 or 503));
        Assert.InRange(good.Length / length.TotalSeconds, 0.5 * sustainable, double.MaxValue);
        Assert.InRange(refused.Length, answers.Count / 10, answers.Count);
        Assert.All(refused, a => Assert.True(a.HasRetryAfter));
        Assert.InRange(Median(refused.Select(a => a.Took.TotalMilliseconds)), 0, 100);
        // Of the 40 that are let in four are worked on: the others wait their turn, and that is not the app's time.
        Assert.InRange(Median(good.Select(a => a.Took.TotalMilliseconds)), 5 * ServiceMs, 2000);
        Assert.InRange(Median(good.Select(a => a.RenderMs)), ServiceMs - EarlyMs, 3 * ServiceMs);
        var waited = scrape.Sum("timingproxy_upstream_queue_duration_seconds_sum") - before.Sum("timingproxy_upstream_queue_duration_seconds_sum");
        Assert.InRange(waited / good.Length * 1000, 3 * ServiceMs, 2000);
        Assert.Equal(refused.Length, scrape.Sum("timingproxy_request_failures_total", ("error_type", "overload")));
        Assert.InRange(watched.Slowest, TimeSpan.Zero, SlowestWatched);
        Assert.InRange(growth, -50, 60);
    }

    /// <summary>The proxy itself is what cannot keep up: two hundred clients that never pause, and no limit set.</summary>
    [Fact]
    public async Task Proxy_WithAllProcessorsBusy_FailsNobodyAndIsStillWatched()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var backend = await Nginx.AnsweringAsync("hello", cancellationToken);
        await using var proxy = await ProxyProcess.InFrontOfAsync(backend.Port, cancellationToken);
        await proxy.GetAsync("/", cancellationToken);
        var memory = ProcessFacts.Of(proxy.Process).ResidentMb;
        await using var load = new SteadyLoad(proxy.Port, keptConnections: 200, newConnections: 0);
        await using var watched = new Watcher(proxy);

        await Task.Delay(TimeSpan.FromSeconds(4), cancellationToken);
        var attempts = await load.StopAsync();
        await watched.StopAsync();

        Assert.DoesNotContain(attempts, a => a.Outcome != Outcome.Answered);
        Assert.True(attempts.Count > 2000, $"Only {attempts.Count} requests.");
        Assert.InRange(watched.Slowest, TimeSpan.Zero, SlowestWatched);
        Assert.InRange(ProcessFacts.Of(proxy.Process).PeakMb - memory, -50, 150);
    }

    /// <summary>As many clients as the app has places, none of whom waits for another.</summary>
    private static async Task<double> MeasureAsync(ProxyProcess proxy, CancellationToken cancellationToken)
    {
        var length = TimeSpan.FromSeconds(1.5);
        await using var load = new SteadyLoad(proxy.Port, Connections, newConnections: 0);
        await Task.Delay(length, cancellationToken);
        var answered = (await load.StopAsync()).Count(a => a.Outcome == Outcome.Answered);
        return answered / length.TotalSeconds;
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted[sorted.Length / 2];
    }

    private static string Page(
        double sustainable, TimeSpan length, OpenAnswer[] good, OpenAnswer[] refused, Watcher watched, Scrape scrape, double growth) => string.Create(CultureInfo.InvariantCulture, $"""
        # Overload

        Made by `RESULTS=$PWD/docs/results OVERLOAD_SECONDS={length.TotalSeconds} dotnet test --project tests/TimingProxy.EndToEnd --filter-class
        TimingProxy.EndToEnd.OverloadTests`: an app that takes {ServiceMs} ms a request, `Upstream:MaxConnections` {Connections}, `MaxConcurrentRequests` {Requests}, asked at twice the rate that
        it can do at most.

        | | |
        |---|---|
        | rate that {Connections} clients without a pause get out of it | {sustainable:F0}/s |
        | asked | {(good.Length + refused.Length) / length.TotalSeconds:F0}/s |
        | answered with 200 | {good.Length / length.TotalSeconds:F0}/s |
        | answered with 503 and `Retry-After` | {refused.Length / length.TotalSeconds:F0}/s |
        | median of a 200, as the client sees it | {Median(good.Select(a => a.Took.TotalMilliseconds)):F0} ms |
        | median of its `X-Render-MS` | {Median(good.Select(a => a.RenderMs)):F1} ms |
        | mean wait in the queue | {scrape.Sum("timingproxy_upstream_queue_duration_seconds_sum") / scrape.Sum("timingproxy_upstream_queue_duration_seconds_count") * 1000:F0} ms |
        | median of a 503 | {Median(refused.Select(a => a.Took.TotalMilliseconds)):F1} ms |
        | slowest of {watched.Count} scrapes and readiness probes | {watched.Slowest.TotalMilliseconds:F0} ms |
        | resident memory, peak over before | {growth:F0} MiB |

        """);

    /// <summary>Scrapes and asks for readiness ten times a second.</summary>
    private sealed class Watcher : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stopping = new();
        private readonly Task _watching;

        public Watcher(ProxyProcess proxy) => _watching = WatchAsync(proxy);

        public TimeSpan Slowest { get; private set; }

        public int Count { get; private set; }

        public async Task StopAsync()
        {
            await _stopping.CancelAsync();
            await _watching;
        }

        public async ValueTask DisposeAsync()
        {
            await StopAsync();
            _stopping.Dispose();
        }

        private async Task WatchAsync(ProxyProcess proxy)
        {
            while (!_stopping.IsCancellationRequested)
            {
                foreach (var path in (string[])["/metrics", "/readyz"])
                {
                    var begin = Time.GetTimestamp();
                    Assert.Equal(200, (await proxy.AdminAsync(path, CancellationToken.None)).Status);
                    Slowest = TimeSpan.FromTicks(Math.Max(Slowest.Ticks, Time.GetElapsedTime(begin).Ticks));
                    Count++;
                }

                await Task.Delay(100, CancellationToken.None);
            }
        }
    }
}
