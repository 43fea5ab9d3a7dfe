namespace TimingProxy.EndToEnd.Fixtures;

/// <summary>What a proxy is started in, where that is what a test is about.</summary>
public sealed record Launch
{
    /// <summary>The traffic port, where it must be the one of a proxy before.</summary>
    public int? Port { get; init; }

    public int? AdminPort { get; init; }

    /// <summary>A command that replaces itself by what follows it: <c>prlimit</c>, <c>taskset</c>, a shell's <c>exec</c>.</summary>
    public string[] Through { get; init; } = [];

    /// <summary>Variables by their whole names.</summary>
    public IReadOnlyList<(string Name, string Value)> Environment { get; init; } = [];

    /// <summary>A shell that does <paramref name="script"/>, in which <c>"$@"</c> is the proxy's command line.</summary>
    public static Launch InShell(string script) => new() { Through = ["/bin/bash", "-c", script, "bash"] };

    /// <summary>The same in a mount namespace of its own: mounts made there are gone with the process.</summary>
    public static Launch InOwnMounts(string script) =>
        new() { Through = [Peers.Tool("unshare", "util-linux"), "--mount", "/bin/bash", "-c", $"set -e; {script}", "bash"] };

    public Task<ProxyProcess> StartAsync(
        IEnumerable<string> arguments, CancellationToken cancellationToken, params (string Name, string Value)[] settings) =>
        ProxyProcess.StartAsync(this, arguments, settings, cancellationToken);

    public Task<ProxyProcess> InFrontOfAsync(int upstreamPort, CancellationToken cancellationToken, params (string Name, string Value)[] settings) =>
        StartAsync(["--upstream", $"http://127.0.0.1:{upstreamPort}"], cancellationToken, settings);
}
