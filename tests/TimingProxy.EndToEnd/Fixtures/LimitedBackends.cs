using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;

namespace TimingProxy.EndToEnd.Fixtures;

/// <param name="Server">Arguments of python3: gunicorn or uvicorn with its workers.</param>
/// <param name="Path">The view that is asked for.</param>
/// <param name="Workers">How many requests are worked on at a time; null is no limit.</param>
/// <param name="MeanMs">Mean service time; log-normal, one request in six four times as long as the others.</param>
/// <param name="InFlight">How many requests arrive on average within a mean service time.</param>
/// <param name="Connections">To how many connections the proxy limits itself; 0 is no limit.</param>
/// <param name="SwingSeconds">In which time the load rises to nearly twice the mean and falls again.</param>
public sealed record LimitedBackend(string Name, string Server, string Path, int? Workers, double MeanMs, double InFlight, int Connections = 0, double SwingSeconds = 4);

/// <summary>A backend with its proxy, that has had its traffic.</summary>
public sealed record LoadedBackend(LimitedBackend Backend, ProxyProcess Proxy, int Answers);

/// <summary>
/// Real servers with a known limit, each behind a proxy of its own, under a minute of traffic that swings through the limit. They wait
/// instead of working, and are loaded all at once: together they take about half of one core.
/// </summary>
public sealed class LimitedBackends : IAsyncLifetime
{
    public static readonly IReadOnlyList<LimitedBackend> All =
    [
        new("gunicorn, 1 sync worker", "gunicorn --workers 1", "/reports/7", 1, 35, 0.68),
        new("gunicorn, 2 sync workers", "gunicorn --workers 2", "/reports/7", 2, 60, 1.4),
        new("gunicorn, 4 sync workers", "gunicorn --workers 4", "/reports/7", 4, 100, 2.9),
        new("gunicorn, 1 worker of 4 threads", "gunicorn --workers 1 --threads 4", "/reports/7", 4, 100, 2.9),
        new("uvicorn, async view", "uvicorn", "/free", null, 60, 4, SwingSeconds: 30),
        new("uvicorn, sync view in a pool of 6 threads", "uvicorn", "/thread", 6, 130, 4.4),
        new("uvicorn, async view with a pool of 3 connections", "uvicorn", "/pool", 3, 75, 2.1),
        new("uvicorn, async view, and the line before it in the proxy", "uvicorn", "/free", 2, 60, 1.4, Connections: 2),
        new("uvicorn, async view with a dependency that gets slow", "uvicorn", "/dependency", null, 100, 3, SwingSeconds: 30),
    ];

    private static readonly TimeProvider Time = TimeProvider.System;
    private static readonly TimeSpan Traffic = TimeSpan.FromSeconds(60);

    private readonly List<IAsyncDisposable> _running = [];
    private Task<Dictionary<string, LoadedBackend>>? _loading;

    /// <summary>The backend after its traffic, which the first who asks waits for.</summary>
    public async Task<LoadedBackend> GetAsync(string name, CancellationToken cancellationToken) =>
        (await (_loading ??= LoadAsync(cancellationToken)))[name];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var running in Enumerable.Reverse(_running))
        {
            await running.DisposeAsync();
        }
    }

    private async Task<Dictionary<string, LoadedBackend>> LoadAsync(CancellationToken cancellationToken)
    {
        var python = await Peers.PythonAsync("gunicorn", "gunicorn", cancellationToken);
        Assert.Equal(python, await Peers.PythonAsync("uvicorn", "python3-uvicorn", cancellationToken));
        var loaded = await Task.WhenAll(All.Select(async (backend, seed) =>
        {
            var proxy = await StartAsync(python, backend, cancellationToken);
            int answers = await PlayAsync(backend, proxy.Port, seed, cancellationToken);
            return new LoadedBackend(backend, proxy, answers);
        }));
        foreach (var (backend, proxy, answers) in loaded)
        {
            // Shown when the window of ten seconds has closed that the last of them came in.
            await Until.TrueAsync(
                async () => await CountAsync(proxy, cancellationToken) >= answers,
                () => $"{backend.Name}: not all of {answers} answers were ever shown.",
                cancellationToken);
        }

        return loaded.ToDictionary(each => each.Backend.Name);
    }

    private async Task<ProxyProcess> StartAsync(string python, LimitedBackend backend, CancellationToken cancellationToken)
    {
        var port = FreePort.Next();
        string[] words = backend.Server.Split(' ');
        string[] address = words[0] == "gunicorn"
            ? ["--backlog", "2048", "--bind", $"127.0.0.1:{port}", "limits:wsgi"]
            : ["--host", "127.0.0.1", "--port", $"{port}", "--lifespan", "off", "--no-access-log", "limits:asgi"];
        var folder = Path.Combine(Peers.Repository, "tests", "TimingProxy.EndToEnd", "Backends");
        var environment = new Dictionary<string, string?> { ["PYTHONDONTWRITEBYTECODE"] = "1" };
        var server = ProcessRunner.Start(python, ["-m", .. words, .. address], environment, folder);
        lock (_running)
        {
            _running.Add(server);
        }

        await server.WaitUntilReadyAsync(() => AnswersAsync(port, cancellationToken), cancellationToken);
        (string, string)[] limit = backend.Connections == 0 ? [] : [("UPSTREAM__MAXCONNECTIONS", $"{backend.Connections}")];
        var proxy = await ProxyProcess.InFrontOfAsync(port, cancellationToken, limit);
        lock (_running)
        {
            _running.Add(proxy);
        }

        return proxy;
    }

    /// <summary>Asks at random, at a rate that swings, whatever becomes of the answers.</summary>
    private static async Task<int> PlayAsync(LimitedBackend backend, int port, int seed, CancellationToken cancellationToken)
    {
        var random = new Random(seed);
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = TimeSpan.FromSeconds(60) };
        var asked = new List<Task<HttpResponseMessage>>();
        long begin = Time.GetTimestamp();
        double next = 0;
        while (next < Traffic.TotalSeconds)
        {
            double phase = 2 * Math.PI * next / backend.SwingSeconds;
            double rate = backend.InFlight / backend.MeanMs * 1000 * (1 + (0.8 * Math.Sin(phase)));
            next += -Math.Log(1 - random.NextDouble()) / rate;
            var wait = TimeSpan.FromSeconds(next) - Time.GetElapsedTime(begin);
            if (wait > TimeSpan.Zero)
            {
                // Until the request is due: the law of the arrivals is what is tested.
                await Task.Delay(wait, cancellationToken);
            }

            double ms = backend.MeanMs / 1.5 * (random.Next(6) == 0 ? 4 : 1) * Math.Exp((0.3 * Normal(random)) - 0.045);
            asked.Add(client.GetAsync(string.Create(CultureInfo.InvariantCulture, $"{backend.Path}?ms={ms:0.0}"), cancellationToken));
        }

        var answers = await Task.WhenAll(asked);
        Assert.All(answers, answer => Assert.True(answer.IsSuccessStatusCode, $"{backend.Name}: {(int)answer.StatusCode}"));
        return answers.Length;
    }

    private static async Task<int> CountAsync(ProxyProcess proxy, CancellationToken cancellationToken)
    {
        using var data = JsonDocument.Parse((await proxy.AdminAsync("/insight.json?histograms=false", cancellationToken)).Text);
        return data.RootElement.GetProperty("total").GetProperty("count").GetInt32();
    }

    private static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    private static async Task<bool> AnswersAsync(int port, CancellationToken cancellationToken)
    {
        try
        {
            return (await RawClient.GetAsync(port, "/", cancellationToken)).Status == 200;
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return false;
        }
    }
}

/// <summary>Tests that share <see cref="LimitedBackends"/>.</summary>
[CollectionDefinition(Name)]
public sealed class LimitedBackendsTests : ICollectionFixture<LimitedBackends>
{
    public const string Name = "Limited backends";
}
