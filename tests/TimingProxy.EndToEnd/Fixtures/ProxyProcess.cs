using System.Collections;
using System.Net.Sockets;

namespace TimingProxy.EndToEnd.Fixtures;

/// <summary>
/// The proxy as its users run it: a process with flags and environment. <c>TIMINGPROXY_EXE</c> names the executable to
/// test (a native build, say); without it the one built along with these tests is used.
/// </summary>
public sealed class ProxyProcess : IAsyncDisposable
{
    private ProxyProcess(ProcessRunner process, int port, int adminPort)
    {
        Process = process;
        Port = port;
        AdminPort = adminPort;
    }

    public static string Executable =>
        Environment.GetEnvironmentVariable("TIMINGPROXY_EXE") is { Length: > 0 } path ? path : Path.Combine(AppContext.BaseDirectory, "timingproxy");

    /// <summary>Whether it is the build that is shipped, not the one for debugging.</summary>
    public static bool IsNative => !File.Exists(Executable + ".dll");

    /// <summary>For tests that hold memory or descriptors against bounds of the build that is shipped: the one for debugging needs more.</summary>
    public static void RequireNative() => Peers.Require(
        IsNative, "TIMINGPROXY_EXE does not name a native build (dotnet publish src/TimingProxy -c Release -o artifacts/native)");

    public ProcessRunner Process { get; }

    /// <summary>The traffic port, on 127.0.0.1.</summary>
    public int Port { get; }

    /// <summary>The admin port, on 127.0.0.1.</summary>
    public int AdminPort { get; }

    /// <summary>Starts a proxy in front of a backend on this machine, and waits until it is ready.</summary>
    /// <param name="settings">Further settings as the environment has them, without the prefix: <c>HEALTH__DRAINDELAY</c>.</param>
    public static Task<ProxyProcess> InFrontOfAsync(int upstreamPort, CancellationToken cancellationToken, params (string Name, string Value)[] settings) =>
        StartAsync(["--upstream", $"http://127.0.0.1:{upstreamPort}"], cancellationToken, settings);

    /// <summary>Starts a proxy with these flags on ports of its own, and waits until it is ready.</summary>
    public static Task<ProxyProcess> StartAsync(
        IEnumerable<string> arguments, CancellationToken cancellationToken, params (string Name, string Value)[] settings) =>
        new Launch().StartAsync(arguments, cancellationToken, settings);

    /// <summary>Starts a proxy in a surrounding of its own, and waits until it is ready.</summary>
    internal static async Task<ProxyProcess> StartAsync(
        Launch launch, IEnumerable<string> arguments, IEnumerable<(string Name, string Value)> settings, CancellationToken cancellationToken)
    {
        var (port, adminPort) = (launch.Port ?? FreePort.Next(), launch.AdminPort ?? FreePort.Next());
        var environment = EnvironmentFor(port, adminPort);
        foreach (var (name, value) in settings.Select(s => ($"TIMINGPROXY_{s.Name}", s.Value)).Concat(launch.Environment))
        {
            environment[name] = value;
        }

        string[] command = [.. launch.Through, Executable, .. arguments];
        var proxy = new ProxyProcess(ProcessRunner.Start(command[0], command[1..], environment), port, adminPort);
        try
        {
            await proxy.Process.WaitUntilReadyAsync(() => proxy.IsReadyAsync(cancellationToken), cancellationToken);
            return proxy;
        }
        catch
        {
            await proxy.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs the executable to its end, beside no running proxy.</summary>
    public static Task<(int ExitCode, string Output, string Errors)> RunAsync(IEnumerable<string> arguments, CancellationToken cancellationToken) =>
        ProcessRunner.RunAsync(Executable, arguments, cancellationToken, CleanEnvironment());

    /// <summary>Runs one of the commands that talk to this proxy, with the environment it was given.</summary>
    public Task<(int ExitCode, string Output, string Errors)> CommandAsync(string command, CancellationToken cancellationToken) =>
        ProcessRunner.RunAsync(Executable, [command], cancellationToken, EnvironmentFor(Port, AdminPort));

    /// <summary>Flags by which a command finds this proxy.</summary>
    public string[] AdminFlags => ["--admin", $"http://127.0.0.1:{AdminPort}"];

    public Task<RawResponse> GetAsync(string target, CancellationToken cancellationToken) => RawClient.GetAsync(Port, target, cancellationToken);

    public Task<RawResponse> AdminAsync(string target, CancellationToken cancellationToken) =>
        RawClient.GetAsync(AdminPort, target, cancellationToken, host: $"127.0.0.1:{AdminPort}");

    public async Task<Scrape> ScrapeAsync(CancellationToken cancellationToken)
    {
        var answer = await AdminAsync("/metrics", cancellationToken);
        Assert.Equal(200, answer.Status);
        return new Scrape(answer.Text);
    }

    /// <summary>Scrapes until the metrics show what is waited for: a scrape may be a moment older than the answer it counts.</summary>
    public async Task<Scrape> ScrapeUntilAsync(Func<Scrape, bool> condition, string what, CancellationToken cancellationToken)
    {
        Scrape? last = null;
        await Until.TrueAsync(
            async () => condition(last = await ScrapeAsync(cancellationToken)),
            () => $"The metrics never showed {what}:\n{last?.Ours}",
            cancellationToken,
            TimeSpan.FromSeconds(20));
        return last!;
    }

    /// <summary>Ends the process with SIGTERM and returns its exit code.</summary>
    public async Task<int> StopAsync(CancellationToken cancellationToken)
    {
        Process.SendSigterm();
        return await Process.WaitForExitAsync(cancellationToken);
    }

    public ValueTask DisposeAsync()
    {
        // Skips the drain delay.
        Process.SendSigint();
        return Process.DisposeAsync();
    }

    private async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        try
        {
            return (await AdminAsync("/readyz", cancellationToken)).Status == 200;
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return false;
        }
    }

    private static Dictionary<string, string?> EnvironmentFor(int port, int adminPort)
    {
        var environment = CleanEnvironment();
        environment["TIMINGPROXY_LISTEN"] = $"http://127.0.0.1:{port}";
        environment["TIMINGPROXY_ADMIN__LISTEN"] = $"http://127.0.0.1:{adminPort}";
        return environment;
    }

    /// <summary>Takes out of the test's own environment whatever the proxy would read.</summary>
    private static Dictionary<string, string?> CleanEnvironment()
    {
        string[] prefixes = ["TIMINGPROXY_", "ASPNETCORE_", "OTEL_", "Kestrel_", "ReverseProxy_", "Logging_"];
        return Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(e => (string)e.Key)
            .Where(name => prefixes.Any(p => name.StartsWith(p, StringComparison.OrdinalIgnoreCase)))
            .ToDictionary(name => name, _ => (string?)null);
    }
}
