using TimingProxy.Settings;

namespace TimingProxy.Commands;

/// <summary>
/// <c>timingproxy drain</c>: makes the own readiness fail, and then waits <c>Health:DrainDelay</c>. As a preStop hook it so holds the container
/// back from SIGTERM until load balancers have looked away.
/// </summary>
internal sealed class DrainCommand(TimeProvider time)
{
    /// <param name="wait">False returns at once (<c>--no-wait</c>).</param>
    /// <returns>0 where it is draining, else 1.</returns>
    public async Task<int> RunAsync(ProxySettings settings, bool wait, TextWriter output, CancellationToken cancellationToken)
    {
        if (!await AdminCall.SucceedsAsync(HttpMethod.Post, "/drain", settings, time, output, cancellationToken))
        {
            return 1;
        }

        if (wait)
        {
            await Task.Delay(settings.Health.DrainDelay, time, cancellationToken);
        }

        return 0;
    }
}
