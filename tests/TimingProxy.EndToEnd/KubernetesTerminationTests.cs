using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>
/// How a pod ends, played with real processes under load, with shorter times than those of the manifests. Native sidecar: both preStop hooks at
/// once, then the app's SIGTERM, and only when the app has ended the proxy's. Classic: the proxy's SIGTERM at once, the app's after its hook.
/// </summary>
public sealed class KubernetesTerminationTests
{
    private static readonly TimeSpan DrainDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan NativeSleep = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan ClassicSleep = TimeSpan.FromSeconds(1.6);

    /// <summary>How long after a pod's end has begun load balancers still send it requests.</summary>
    private static readonly TimeSpan EndpointsStay = TimeSpan.FromSeconds(0.6);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task NativeOrder_UnderLoadThatMovesAway_LosesNoRequest()
    {
        await using var app = await DjangoApp.StartAsync("gunicorn", Cancel);
        await using var proxy = await ProxyProcess.InFrontOfAsync(app.Port, Cancel, ("HEALTH__DRAINDELAY", "0s"));
        await using var load = new SteadyLoad(proxy.Port, keptConnections: 2, newConnections: 2, "/fast");
        await load.AnsweredMoreAsync(20, Cancel);

        var sleep = Task.Delay(NativeSleep, Cancel);
        var movedAway = Task.Delay(EndpointsStay, Cancel);
        var drained = await ProcessRunner.RunAsync(ProxyProcess.Executable, ["drain", "--no-wait", .. proxy.AdminFlags], Cancel);
        Assert.True(drained.ExitCode == 0, drained.Output + drained.Errors);
        Assert.Equal(503, (await proxy.AdminAsync("/readyz", Cancel)).Status);
        await movedAway;
        var attempts = await load.StopAsync();
        await sleep;
        await app.StopAsync(Cancel);

        Assert.Equal(0, await proxy.StopAsync(Cancel));
        Assert.All(attempts, attempt => Assert.Equal(Outcome.Answered, attempt.Outcome));
        Assert.Contains(attempts, attempt => attempt.ToldToClose);
    }

    [Fact]
    public async Task ClassicOrder_WithThePreStopSleep_LosesNoRequest()
    {
        var failed = await PlayClassicAsync(ClassicSleep);

        Assert.True(failed.Count == 0, string.Join('\n', failed.Take(5)));
    }

    [Fact]
    public async Task ClassicOrder_WithoutThePreStopSleep_LosesRequests()
    {
        // What the sleep is for; and that the test beside this one can fail.
        var failed = await PlayClassicAsync(TimeSpan.Zero);

        Assert.NotEmpty(failed);
    }

    /// <returns>The requests that failed although they were sent before the proxy's listeners closed.</returns>
    private static async Task<IReadOnlyCollection<Attempt>> PlayClassicAsync(TimeSpan appSleeps)
    {
        var time = TimeProvider.System;
        await using var app = await DjangoApp.StartAsync("gunicorn", Cancel);
        await using var proxy = await ProxyProcess.InFrontOfAsync(app.Port, Cancel, ("HEALTH__DRAINDELAY", $"{DrainDelay.TotalSeconds}s"));
        await using var load = new SteadyLoad(proxy.Port, keptConnections: 2, newConnections: 2, "/fast");
        await load.AnsweredMoreAsync(20, Cancel);

        var closing = time.GetTimestamp() + (long)(DrainDelay.TotalSeconds * time.TimestampFrequency);
        var appEnds = EndAfterAsync(appSleeps, app.StopAsync);
        proxy.Process.SendSigterm();
        Assert.Equal(0, await proxy.Process.WaitForExitAsync(Cancel));
        await appEnds;
        var attempts = await load.StopAsync();
        return [.. attempts.Where(attempt => attempt.Outcome != Outcome.Answered && attempt.At < closing)];
    }

    private static async Task EndAfterAsync(TimeSpan sleep, Func<CancellationToken, Task> end)
    {
        await Task.Delay(sleep, Cancel);
        await end(Cancel);
    }
}
