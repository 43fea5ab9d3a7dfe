using TimingProxy.Settings;

namespace TimingProxy.Commands;

/// <summary><c>timingproxy health</c>: asks the own <c>/readyz</c>, and prints the answer.</summary>
internal sealed class HealthCommand(TimeProvider time)
{
    /// <returns>0 where it is ready, else 1.</returns>
    public async Task<int> RunAsync(ProxySettings settings, TextWriter output, CancellationToken cancellationToken) =>
        await AdminCall.SucceedsAsync(HttpMethod.Get, "/readyz", settings, time, output, cancellationToken) ? 0 : 1;
}
