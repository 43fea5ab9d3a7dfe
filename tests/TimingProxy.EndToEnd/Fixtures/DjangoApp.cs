using System.Net.Sockets;

namespace TimingProxy.EndToEnd.Fixtures;

/// <summary>The sample legacy app of deploy/compose/app under gunicorn or uvicorn, with a database of its own.</summary>
public sealed class DjangoApp : IAsyncDisposable
{
    /// <summary>The only host name the app answers to.</summary>
    public const string Host = "legacy.example";

    private static readonly string Folder = Path.Combine(Peers.Repository, "deploy", "compose", "app");

    private readonly TempFolder _data;
    private readonly string _python;
    private readonly Dictionary<string, string?> _environment;
    private readonly ProcessRunner _server;

    private DjangoApp(TempFolder data, string python, Dictionary<string, string?> environment, IEnumerable<string> command, int port)
    {
        _data = data;
        _python = python;
        _environment = environment;
        _server = ProcessRunner.Start(python, command, environment, Folder);
        Port = port;
    }

    public int Port { get; }

    public string Story => _server.Story;

    /// <summary>Ends it as a container is ended: SIGTERM, and then it finishes what it has begun.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        _server.SendSigterm();
        await _server.WaitForExitAsync(cancellationToken);
    }

    /// <param name="server"><c>gunicorn</c> (sync workers, WSGI) or <c>uvicorn</c> (one process, ASGI).</param>
    /// <param name="middleware">Extra middlewares, outermost first; see the app's README.</param>
    /// <param name="port">0 takes a free one; another starts the app where an earlier one was.</param>
    /// <param name="settings">More of the app's environment.</param>
    public static async Task<DjangoApp> StartAsync(
        string server,
        CancellationToken cancellationToken,
        string middleware = "",
        int workers = 4,
        int port = 0,
        params (string Name, string Value)[] settings)
    {
        var python = await Peers.PythonAsync("django", "python3-django", cancellationToken);
        _ = await Peers.PythonAsync(server, server == "gunicorn" ? "gunicorn" : "python3-uvicorn", cancellationToken);
        port = port == 0 ? FreePort.Next() : port;
        string[] command = server == "gunicorn"
            ? ["-m", "gunicorn", "--workers", $"{workers}", "--bind", $"127.0.0.1:{port}", "legacy.wsgi"]
            : ["-m", "uvicorn", "--host", "127.0.0.1", "--port", $"{port}", "--lifespan", "off", "--no-access-log", "legacy.asgi:application"];

        var data = new TempFolder();
        var environment = new Dictionary<string, string?>
        {
            ["LEGACY_DATA_DIR"] = data.Path,
            ["LEGACY_MIDDLEWARE"] = middleware,
            ["LEGACY_ALLOWED_HOSTS"] = Host,
            ["PYTHONDONTWRITEBYTECODE"] = "1",
            ["PYTHONUNBUFFERED"] = "1",
        };
        foreach (var (name, value) in settings)
        {
            environment[name] = value;
        }

        await PrepareAsync(python, environment, [], cancellationToken);
        var app = new DjangoApp(data, python, environment, command, port);
        try
        {
            await app._server.WaitUntilReadyAsync(() => app.AnswersAsync(cancellationToken), cancellationToken);
            return app;
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }
    }

    /// <summary>Adds the index that the search misses, while the app is up.</summary>
    public Task AddIndexAsync(CancellationToken cancellationToken) => PrepareAsync(_python, _environment, ["--index"], cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _data.Dispose();
    }

    private static async Task PrepareAsync(string python, Dictionary<string, string?> environment, string[] arguments, CancellationToken cancellationToken)
    {
        var (exitCode, _, errors) = await ProcessRunner.RunAsync(python, ["prepare.py", .. arguments], cancellationToken, environment, Folder);
        Assert.True(exitCode == 0, errors);
    }

    private async Task<bool> AnswersAsync(CancellationToken cancellationToken)
    {
        try
        {
            return (await RawClient.GetAsync(Port, "/fast", cancellationToken, Host)).Status == 200;
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return false;
        }
    }
}
