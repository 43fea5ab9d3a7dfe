using System.Globalization;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>What must not reach the figures: a wall clock that is set, and a processor that others have.</summary>
public sealed class DisturbedClockTests
{
    private const int DelayMs = 40;

    // The backend's own timer counts in ticks of the kernel, of 4 ms where it is built so, and may be early by one and a rounding.
    private const int EarlyMs = 5;

    /// <summary>Answers that have arrived and are not read: the proxy is the one who is late, and must not say that it was the app.</summary>
    [Theory]
    [InlineData(true, "GET /pause HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData(false, "GET /pause HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData(true, "POST /pause HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")]
    [InlineData(false, "POST /pause HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")]
    public async Task Proxy_PausedWhileTheAnswerComes_CountsThePauseAsItsOwn(bool keepsConnections, string request)
    {
        const int PauseMs = 2000;
        var cancellationToken = TestContext.Current.CancellationToken;
        var asked = new TaskCompletionSource();
        var answer = new TaskCompletionSource();
        var answered = new TaskCompletionSource();
        await using var backend = new RawBackend(async (head, connection, token) =>
        {
            var isPaused = head.StartLine.Contains("/pause", StringComparison.Ordinal);
            if (isPaused)
            {
                asked.SetResult();
                await answer.Task.WaitAsync(token);
            }

            await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"u8.ToArray(), token);
            if (isPaused)
            {
                answered.SetResult();
            }

            return keepsConnections;
        });
        await using var proxy = await ProxyProcess.InFrontOfAsync(backend.Port, cancellationToken);
        // The first ones open connections, pay for what is made only once, and have the kernel begin with its timestamps.
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(200, (await proxy.GetAsync("/", cancellationToken)).Status);
        }

        var paused = RawClient.OnceAsync(proxy.Port, request, cancellationToken);
        await asked.Task.WaitAsync(cancellationToken);
        await proxy.Process.PauseAsync(cancellationToken);
        answer.SetResult();
        await answered.Task.WaitAsync(cancellationToken);
        // The pause itself, of another process and by the kernel's clock: there is none to fake.
        await Task.Delay(PauseMs, cancellationToken);
        proxy.Process.Resume();

        Assert.InRange((await paused).RenderMs, 0, PauseMs / 2);
        var scrape = await proxy.ScrapeAsync(cancellationToken);
        Assert.InRange(scrape.Sum("timingproxy_upstream_duration_seconds_sum"), 0, PauseMs / 2000.0);
        Assert.InRange(scrape.Sum("timingproxy_overhead_duration_seconds_sum"), PauseMs * 0.9 / 1000, 60);
    }

    [Fact]
    public async Task WallClock_SteppedBackAndForth_LeavesTheFiguresAlone()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var library = Peers.Library("faketime/libfaketimeMT.so.1", "libfaketime");
        await using var backend = new RawBackend(RawBackend.Answering("hello", DelayMs));
        using var folder = new TempFolder();
        var offset = folder.File("offset");
        await File.WriteAllTextAsync(offset, "+0", cancellationToken);
        var launch = new Launch
        {
            Environment =
            [
                ("LD_PRELOAD", library), ("FAKETIME_TIMESTAMP_FILE", offset), ("FAKETIME_NO_CACHE", "1"),
                // A system's monotonic clock cannot be set: only the other is.
                ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ],
        };
        await using var proxy = await launch.InFrontOfAsync(backend.Port, cancellationToken);
        foreach (var step in new[] { "-2h", "+0", "+400d", "-1y" })
        {
            var before = await DateAsync();
            await File.WriteAllTextAsync(offset, step, cancellationToken);
            // Also proves that the clock is stepped at all: the proxy puts the date on answers that have none.
            await Until.TrueAsync(async () => (await DateAsync() - before).Duration() > TimeSpan.FromHours(1), () => $"The clock was not stepped by {step}.", cancellationToken);
            Assert.Equal(200, (await proxy.AdminAsync("/insight.json", cancellationToken)).Status);
        }

        var scrape = await proxy.ScrapeAsync(cancellationToken);
        var count = scrape.Sum("timingproxy_upstream_duration_seconds_count");
        foreach (var histogram in new[] { "timingproxy_upstream_duration_seconds", "timingproxy_request_duration_seconds" })
        {
            Assert.InRange(scrape.Sum($"{histogram}_sum") / count, (DelayMs - EarlyMs) / 1000.0, 0.4);
        }

        Assert.InRange(scrape.Sum("timingproxy_overhead_duration_seconds_sum"), 0, count * 0.1);
        Assert.Equal(0, scrape.Sum("timingproxy_request_failures_total"));
        Assert.Equal(0, await proxy.StopAsync(cancellationToken));

        async Task<DateTimeOffset> DateAsync()
        {
            var answer = await proxy.GetAsync("/", cancellationToken);
            Assert.InRange(answer.RenderMs, DelayMs - EarlyMs, 1000);
            return DateTimeOffset.ParseExact(answer.Head.Value("Date")!, "r", CultureInfo.InvariantCulture);
        }
    }

    [Fact]
    public async Task Processor_SharedWithBusyNeighbours_IsSlowButRightAndSaysSo()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var taskset = Peers.Tool("taskset", "util-linux");
        await using var backend = new RawBackend(RawBackend.Answering("hello", DelayMs));
        await using var proxy = await new Launch { Through = [taskset, "-c", "0"] }.InFrontOfAsync(backend.Port, cancellationToken);
        var neighbours = Enumerable.Range(0, 3).Select(_ => ProcessRunner.Start(taskset, ["-c", "0", "/bin/sh", "-c", "while :; do :; done"])).ToArray();
        try
        {
            await using var load = new SteadyLoad(proxy.Port, keptConnections: 8, newConnections: 2);
            await proxy.ScrapeUntilAsync(s => s.Sum("timingproxy_clock_disturbed_seconds_total", ("cause", "starved")) > 0, "that it is starved", cancellationToken);
            await load.AnsweredMoreAsync(100, cancellationToken);
            for (var i = 0; i < 5; i++)
            {
                var begin = TimeProvider.System.GetTimestamp();
                Assert.Equal(200, (await proxy.AdminAsync("/readyz", cancellationToken)).Status);
                Assert.InRange(TimeProvider.System.GetElapsedTime(begin), TimeSpan.Zero, TimeSpan.FromSeconds(5));
                Assert.InRange((await proxy.GetAsync("/", cancellationToken)).RenderMs, DelayMs - EarlyMs, 10_000);
            }

            Assert.All(await load.StopAsync(), attempt => Assert.Equal(Outcome.Answered, attempt.Outcome));
        }
        finally
        {
            foreach (var neighbour in neighbours)
            {
                await neighbour.DisposeAsync();
            }
        }
    }
}
