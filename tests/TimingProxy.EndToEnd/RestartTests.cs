using System.Globalization;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>
/// One proxy after the other on the same port, under clients that never pause and retry nothing but refused connections. Contract: no request
/// whose first byte arrived before the listeners closed fails.
/// </summary>
[Trait(RunLength.Trait, RunLength.Any)]
public sealed class RestartTests
{
    private static readonly TimeProvider Time = TimeProvider.System;
    private static readonly TimeSpan DrainDelay = TimeSpan.FromMilliseconds(300);

    [Fact]
    public async Task Restarts_UnderSteadyLoad_LoseNoRequest()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var restarts = (int)RunLength.Of("RESTARTS", inTheGate: 4);
        await using var backend = new RawBackend(RawBackend.Answering("hello", delayMs: 5));
        var launch = new Launch { Port = FreePort.Next(), AdminPort = FreePort.Next() };
        var proxy = await StartAsync();
        await using var load = new SteadyLoad(proxy.Port, keptConnections: 4, newConnections: 3);
        var closed = new List<(long From, long Until)>();
        var slowestStart = TimeSpan.Zero;
        for (var n = 0; n < restarts; n++)
        {
            await load.AnsweredMoreAsync(100, cancellationToken);
            var signalled = Time.GetTimestamp();
            var exitCode = await proxy.StopAsync(cancellationToken);
            Assert.True(exitCode == 0, $"Restart {n}: exit code {exitCode}. {proxy.Process.Story}");
            await proxy.DisposeAsync();
            var exited = Time.GetTimestamp();
            // The listeners close no sooner than this, and nothing is listened on when the process is gone.
            closed.Add((signalled + (long)(DrainDelay.TotalSeconds * Time.TimestampFrequency), exited));
            proxy = await StartAsync();
            slowestStart = TimeSpan.FromTicks(Math.Max(slowestStart.Ticks, Time.GetElapsedTime(exited).Ticks));
        }

        await load.AnsweredMoreAsync(100, cancellationToken);
        var attempts = await load.StopAsync();
        await proxy.DisposeAsync();

        var failed = attempts.Where(a => a.Outcome == Outcome.Failed).ToArray();
        // Asked when the listeners had been closed, on a connection from before: the promise does not cover it, and nothing of an answer may have come.
        var late = failed.Where(a => a.Received == 0 && closed.Exists(c => a.At >= c.From && a.At <= c.Until)).ToArray();
        var broken = failed.Except(late).ToArray();
        await RunLength.WriteResultAsync("restarts.md", Page(restarts, attempts, late.Length, broken.Length, slowestStart), cancellationToken);
        Assert.True(broken.Length == 0, $"{broken.Length} requests failed:\n{string.Join('\n', broken.Take(10).Select(a => $"{SinceSignal(a):F1} ms after a signal: {a}"))}");

        // The last signal before it.
        double SinceSignal(Attempt attempt) => closed.Select(c => Time.GetElapsedTime(c.From, attempt.At) + DrainDelay)
            .Where(since => since > TimeSpan.Zero).DefaultIfEmpty(TimeSpan.Zero).Min().TotalMilliseconds;

        Task<ProxyProcess> StartAsync() =>
            launch.InFrontOfAsync(backend.Port, cancellationToken, ("HEALTH__DRAINDELAY", $"{DrainDelay.TotalMilliseconds}ms"));
    }

    private static string Page(int restarts, IReadOnlyCollection<Attempt> attempts, int late, int broken, TimeSpan slowestStart) => string.Create(CultureInfo.InvariantCulture, $"""
        # Restarts under load

        Made by `RESULTS=$PWD/docs/results RESTARTS={restarts} dotnet test --project tests/TimingProxy.EndToEnd --filter-class
        TimingProxy.EndToEnd.RestartTests`: one proxy after the other on one port, SIGTERM with `Health:DrainDelay` {DrainDelay.TotalMilliseconds} ms; four clients on kept
        connections and three that open one for each request, all without a pause, retrying only refused connections.

        | | |
        |---|---|
        | restarts, all with exit code 0 | {restarts} |
        | requests answered with 200 | {attempts.Count(a => a.Outcome == Outcome.Answered)} |
        | connections refused, while nothing listened | {attempts.Count(a => a.Outcome == Outcome.Refused)} |
        | requests that came after the listeners had closed, and got nothing | {late} |
        | **requests that failed** | {broken} |
        | slowest start, to `/readyz` | {slowestStart.TotalMilliseconds:F0} ms |

        """);
}
