using System.Collections;

namespace TimingProxy.Hosting;

/// <summary>What the process was started with; the same at each reload.</summary>
/// <param name="Flags">Settings given on the command line, by full key.</param>
/// <param name="ConfigPath">Of <c>--config</c>; null where the default file is used.</param>
/// <param name="Demo">Start the sample backend, and use it as the upstream.</param>
/// <param name="Environment">Environment variables.</param>
internal sealed record StartOptions(
    IReadOnlyDictionary<string, string?> Flags, string? ConfigPath, bool Demo, IDictionary Environment)
{
    private const string UpstreamKey = "TimingProxy:Upstream:Address";
    private const string RoutesKey = "TimingProxy:Metrics:Routes";

    /// <summary>The same, as if the demo's upstream and routes had been given by flags.</summary>
    /// <exception cref="StartupError">An upstream was.</exception>
    public StartOptions WithDemo(string upstream, IEnumerable<string> routes)
    {
        if (Flags.ContainsKey(UpstreamKey))
        {
            throw new StartupError(ExitCode.Usage, "--demo brings an upstream of its own: leave out --upstream, or --demo");
        }

        var flags = new Dictionary<string, string?>(Flags, StringComparer.OrdinalIgnoreCase)
        {
            [UpstreamKey] = upstream,
            [RoutesKey] = string.Join(';', routes),
        };
        return this with { Flags = flags };
    }
}
