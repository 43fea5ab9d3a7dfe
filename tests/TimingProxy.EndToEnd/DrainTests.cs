using System.Text;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>The life of a process: no request that arrived before the listeners closed fails because of us.</summary>
public sealed class DrainTests
{
    private static readonly TimeProvider Time = TimeProvider.System;
    private static readonly TimeSpan DrainDelay = TimeSpan.FromMilliseconds(500);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public async Task Sigterm_UnderSteadyLoad_LosesNoRequest(int round)
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var backend = new RawBackend(RawBackend.Answering($"round {round}", delayMs: 20));
        await using var proxy = await StartAsync(backend, cancellationToken);
        await using var load = new SteadyLoad(proxy.Port, keptConnections: 4, newConnections: 3);
        await load.AnsweredMoreAsync(50, cancellationToken);
        await using var slow = await RawClient.ConnectAsync(proxy.Port, cancellationToken);
        await SendSlowRequestAsync(slow, backend, cancellationToken);

        var signalled = Time.GetTimestamp();
        proxy.Process.SendSigterm();
        await Until.TrueAsync(
            async () => (await proxy.AdminAsync("/readyz", cancellationToken)).Status == 503, () => "/readyz stayed 200.", cancellationToken);
        var draining = Time.GetTimestamp();

        Assert.Equal(200, (await slow.ReceiveAsync(cancellationToken)).Status);
        var exitCode = await proxy.Process.WaitForExitAsync(cancellationToken);
        var took = Time.GetElapsedTime(signalled);
        var attempts = await load.StopAsync();

        // The listeners close no sooner than this. What was asked later may have come too late, but then nothing of an answer may have come either.
        var closing = signalled + (long)(DrainDelay.TotalSeconds * Time.TimestampFrequency);
        var broken = attempts.Where(a => a.Outcome != Outcome.Answered && (a.At < closing || a.Received > 0)).ToArray();
        var late = attempts.Count(a => a.Outcome == Outcome.Failed) - broken.Count(a => a.Outcome == Outcome.Failed);
        TestContext.Current.SendDiagnosticMessage($"round {round}: {attempts.Count(a => a.Outcome == Outcome.Answered)} answered, {late} came too late, exit after {took.TotalMilliseconds:F0} ms");
        Assert.True(broken.Length == 0, $"{broken.Length} requests failed:\n{string.Join('\n', broken.Take(10).Select(a => $"{Time.GetElapsedTime(signalled, a.At).TotalMilliseconds:F1} ms after the signal: {a}"))}\n{proxy.Process.Story}");
        Assert.True(exitCode == 0, $"Exit code {exitCode}. {proxy.Process.Story}");
        Assert.True(took < TimeSpan.FromSeconds(5), $"The process took {took} to end.");
        var lateInTheDelay = attempts.Where(a => a.Outcome == Outcome.Answered && a.At > draining).ToArray();
        Assert.NotEmpty(lateInTheDelay);
        Assert.All(lateInTheDelay, a => Assert.True(a.ToldToClose, "An answer during the drain does not say Connection: close."));
    }

    [Fact]
    public async Task Readiness_AfterSigterm_FailsAtOnceWhileTrafficIsServed()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var backend = new RawBackend(RawBackend.Answering("hello"));
        await using var proxy = await StartAsync(backend, cancellationToken, "20s");
        var signalled = Time.GetTimestamp();
        proxy.Process.SendSigterm();

        await Until.TrueAsync(
            async () => (await proxy.AdminAsync("/readyz", cancellationToken)).Status == 503, () => "/readyz stayed 200.", cancellationToken);

        Assert.True(Time.GetElapsedTime(signalled) < TimeSpan.FromSeconds(10), "Readiness failed late.");
        Assert.Equal(200, (await proxy.AdminAsync("/livez", cancellationToken)).Status);
        var answer = await proxy.GetAsync("/", cancellationToken);
        Assert.Equal(200, answer.Status);
        Assert.True(answer.Head.Closes, "An answer during the drain does not say Connection: close.");

        // Another signal, for the same one so soon may be the first, delivered twice.
        proxy.Process.SendSigint();
        await proxy.Process.WaitForExitAsync(cancellationToken);
        Assert.True(Time.GetElapsedTime(signalled) < TimeSpan.FromSeconds(15), "A second signal did not end the process at once.");
    }

    [Fact]
    public async Task Sigint_WithRequestInFlight_SkipsTheDelayAndFinishesIt()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var backend = new RawBackend(RawBackend.Answering("hello"));
        await using var proxy = await StartAsync(backend, cancellationToken, "20s");
        await using var slow = await RawClient.ConnectAsync(proxy.Port, cancellationToken);
        await SendSlowRequestAsync(slow, backend, cancellationToken);
        var signalled = Time.GetTimestamp();

        proxy.Process.SendSigint();

        Assert.Equal(200, (await slow.ReceiveAsync(cancellationToken)).Status);
        Assert.Equal(0, await proxy.Process.WaitForExitAsync(cancellationToken));
        Assert.True(Time.GetElapsedTime(signalled) < TimeSpan.FromSeconds(15), "SIGINT waited for the drain delay.");
    }

    [Fact]
    public async Task DrainCommand_OnRunningProxy_FailsReadinessAndKeepsServing()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var backend = new RawBackend(RawBackend.Answering("hello"));
        await using var proxy = await StartAsync(backend, cancellationToken);

        var healthy = await proxy.CommandAsync("health", cancellationToken);
        var drained = await proxy.CommandAsync("drain", cancellationToken);

        Assert.True(healthy.ExitCode == 0, healthy.Output + healthy.Errors);
        Assert.True(drained.ExitCode == 0, drained.Output + drained.Errors);
        Assert.Equal(1, (await proxy.CommandAsync("health", cancellationToken)).ExitCode);
        Assert.Equal(503, (await proxy.AdminAsync("/readyz", cancellationToken)).Status);
        Assert.Equal(200, (await proxy.GetAsync("/", cancellationToken)).Status);
        Assert.Equal(0, await proxy.StopAsync(cancellationToken));
    }

    /// <summary>As after a broken change of a ConfigMap: the proxy serves on with its last good one, and a hook or health check must not fail for that.</summary>
    [Theory]
    [InlineData("""{ "TimingProxy": { "Upstream": "nope", "Admin": { "Listen": "http://127.0.0.1:ADMIN" }, "Helth": 1 } }""", false, "")]
    [InlineData("""{ "TimingProxy": { "Upstream": """, true, "the configuration file is broken")]
    [InlineData("", true, "the configuration file is broken")]
    [InlineData(null, true, "the configuration file cannot be read")]
    [InlineData("""{ "TimingProxy": { "Admin": { "Listen": "port 9" } } }""", true, "")]
    public async Task HealthAndDrain_WithAConfigurationThatIsBrokenMeanwhile_ReachTheRunningProxy(string? content, bool isFoundByEnvironment, string said)
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var backend = new RawBackend(RawBackend.Answering("hello"));
        using var folder = new TempFolder();
        var file = folder.File("appsettings.json");
        await File.WriteAllTextAsync(file, $$"""{ "TimingProxy": { "Upstream": "http://127.0.0.1:{{backend.Port}}" } }""", cancellationToken);
        await using var proxy = await ProxyProcess.StartAsync(["--config", file], cancellationToken);
        File.Delete(file);
        if (content is not null)
        {
            await File.WriteAllTextAsync(file, content.Replace("ADMIN", $"{proxy.AdminPort}", StringComparison.Ordinal), cancellationToken);
        }

        var environment = new Dictionary<string, string?> { ["TIMINGPROXY_ADMIN__LISTEN"] = isFoundByEnvironment ? $"http://127.0.0.1:{proxy.AdminPort}" : null };
        foreach (string[] command in new string[][] { ["health"], ["drain", "--no-wait"] })
        {
            var (exitCode, output, errors) = await ProcessRunner.RunAsync(ProxyProcess.Executable, [.. command, "--config", file], cancellationToken, environment);

            Assert.True(exitCode == 0, output + errors);
            Assert.Contains(said, errors, StringComparison.Ordinal);
            Assert.Equal(said.Length == 0 ? 0 : 1, errors.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        }

        Assert.Equal(503, (await proxy.AdminAsync("/readyz", cancellationToken)).Status);
        Assert.Equal(200, (await proxy.GetAsync("/", cancellationToken)).Status);
    }

    [Theory]
    [InlineData("--admin", "port 9")]
    [InlineData("--config", "")]
    [InlineData("--nope")]
    public async Task HealthAndDrain_WithAWrongFlag_AreAnErrorOfUsage(params string[] flags)
    {
        foreach (string command in new[] { "health", "drain" })
        {
            var (exitCode, _, errors) = await ProxyProcess.RunAsync([command, .. flags], TestContext.Current.CancellationToken);

            Assert.Equal(64, exitCode);
            Assert.NotEqual("", errors);
        }
    }

    private static Task<ProxyProcess> StartAsync(RawBackend backend, CancellationToken cancellationToken, string drainDelay = "500ms") =>
        ProxyProcess.InFrontOfAsync(backend.Port, cancellationToken, ("HEALTH__DRAINDELAY", drainDelay));

    /// <summary>Sends a request that takes longer than the drain delay, and waits until the backend has it.</summary>
    private static async Task SendSlowRequestAsync(RawClient client, RawBackend backend, CancellationToken cancellationToken)
    {
        var arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var before = backend.Behaviour;
        backend.Behaviour = (request, connection, token) =>
        {
            if (request.StartLine.Contains("/delay/", StringComparison.Ordinal))
            {
                arrived.TrySetResult();
            }

            return before(request, connection, token);
        };
        await client.SendAsync(Encoding.ASCII.GetBytes(RawClient.Get("/delay/700")), cancellationToken);
        await arrived.Task.WaitAsync(cancellationToken);
    }
}
