using System.Globalization;
using System.Net.Sockets;

namespace TimingProxy.EndToEnd.Fixtures;

/// <summary>A backend that is not Django's: one of Lab/apps, or any other process that answers HTTP.</summary>
public sealed class OtherApp : IAsyncDisposable
{
    private readonly ProcessRunner _server;

    private OtherApp(ProcessRunner server, int port)
    {
        _server = server;
        Port = port;
    }

    public int Port { get; }

    /// <summary>Node.js, with keep-alive.</summary>
    /// <param name="pool">So many requests to /sleep are worked on at a time; 0 is no limit.</param>
    public static Task<OtherApp> StartNodeAsync(CancellationToken cancellationToken, int pool = 0)
    {
        var port = FreePort.Next();
        var environment = new Dictionary<string, string?>
        {
            ["PORT"] = port.ToString(CultureInfo.InvariantCulture),
            ["POOL"] = pool.ToString(CultureInfo.InvariantCulture),
        };
        return StartAsync(ProcessRunner.Start(Peers.Tool("node", "nodejs"), [Script("node.mjs")], environment), port, "/fast", cancellationToken);
    }

    /// <summary>Python's own server, HTTP/1.0, which closes the connection after each answer.</summary>
    public static Task<OtherApp> StartClosingAsync(CancellationToken cancellationToken)
    {
        var port = FreePort.Next();
        return StartAsync(ProcessRunner.Start(Peers.Tool("python3", "python3"), [Script("closing.py"), $"{port}"]), port, "/fast", cancellationToken);
    }

    /// <summary>Takes over a process, and waits until it answers.</summary>
    /// <param name="path">What it answers with 200 when it is ready.</param>
    public static async Task<OtherApp> StartAsync(ProcessRunner server, int port, string path, CancellationToken cancellationToken)
    {
        try
        {
            await server.WaitUntilReadyAsync(() => AnswersAsync(port, path, cancellationToken), cancellationToken);
            return new OtherApp(server, port);
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private static string Script(string name) => Path.Combine(Peers.Repository, "tests", "TimingProxy.EndToEnd", "Lab", "apps", name);

    private static async Task<bool> AnswersAsync(int port, string path, CancellationToken cancellationToken)
    {
        try
        {
            return (await RawClient.GetAsync(port, path, cancellationToken)).Status == 200;
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return false;
        }
    }
}
