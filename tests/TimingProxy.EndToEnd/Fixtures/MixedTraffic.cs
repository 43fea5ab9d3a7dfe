using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace TimingProxy.EndToEnd.Fixtures;

/// <summary>
/// Everything a proxy meets in a day, each kind at a steady pace: requests on kept and new connections, posts, downloads, streams, HTTP/2, upgrades,
/// failures of the backend, and clients that go away at every moment. What comes back is counted by kind and whether it was right.
/// </summary>
public sealed class MixedTraffic : IAsyncDisposable
{
    private const int Megabyte = 1024 * 1024;
    private static readonly byte[] Large = new byte[Megabyte];

    private readonly int _port;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentDictionary<string, int> _right = new();
    private readonly SocketsHttpHandler _handler = new() { MaxConnectionsPerServer = 4 };
    private readonly HttpClient _http2;
    private readonly Task _all;

    public MixedTraffic(int port)
    {
        _port = port;
        _http2 = new HttpClient(_handler)
        {
            BaseAddress = new Uri($"http://127.0.0.1:{port}"),
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        _all = Task.WhenAll(
            PaceAsync("kept connection", 100, KeptAsync()),
            PaceAsync("new connection", 20, _ => RightAsync(RawClient.Get("/new/12345"), 200)),
            PaceAsync("post", 20, _ => RightAsync(RawClient.Get("/post", method: "POST", headers: "Content-Length: 4\r\n") + "body", 200)),
            PaceAsync("1 MB download", 2, async token => (await RawClient.GetAsync(_port, "/large", token)).Body.Length == Megabyte),
            PaceAsync("stream of events", 1, async token => (await RawClient.GetAsync(_port, "/events", token)).Text.Length == 10),
            PaceAsync("HTTP/2", 20, async token => await _http2.GetStringAsync("/h2", token) == "hello"),
            PaceAsync("upgrade", 2, UpgradeAsync),
            PaceAsync("backend resets", 2, _ => RightAsync(RawClient.Get("/reset"), 502)),
            PaceAsync("backend breaks off", 2, BrokenAsync),
            PaceAsync("client leaves before the answer", 5, token => LeaveAsync(RawClient.Get("/slow"), 0, token)),
            PaceAsync("client leaves in a download", 2, token => LeaveAsync(RawClient.Get("/large"), 100_000, token)),
            PaceAsync("client leaves in an upload", 2, token => LeaveAsync(RawClient.Get("/post", method: "POST", headers: "Content-Length: 100000\r\n") + "half", 0, token)),
            PaceAsync("malformed", 1, _ => RightAsync("GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400)));
    }

    /// <summary>How many of each kind went as they must.</summary>
    public IReadOnlyDictionary<string, int> Right => _right;

    /// <summary>What did not go as it must, in words.</summary>
    public ConcurrentQueue<string> Wrong { get; } = [];

    /// <summary>The backend that the traffic is meant for.</summary>
    public static async Task<bool> AnswerAsync(MessageHead request, Socket connection, CancellationToken cancellationToken)
    {
        switch (request.StartLine.Split(' ')[1])
        {
            case "/reset":
                return await RawBackend.Reset(request, connection, cancellationToken);
            case "/broken":
                return await RawBackend.Writing("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")(request, connection, cancellationToken);
            case "/large":
                await SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {Large.Length}\r\n\r\n");
                await connection.SendAsync(Large, cancellationToken);
                return true;
            case "/events":
                await SendAsync("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
                for (var i = 0; i < 10; i++)
                {
                    // An event comes when it comes: longer apart than the proxy needs to pass one on.
                    await Task.Delay(50, cancellationToken);
                    await SendAsync("1\r\n.\r\n");
                }

                await SendAsync("0\r\n\r\n");
                return true;
            case "/upgrade":
                await SendAsync("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
                var buffer = new byte[1024];
                while (await connection.ReceiveAsync(buffer, cancellationToken) is > 0 and var count)
                {
                    await connection.SendAsync(buffer.AsMemory(0, count), cancellationToken);
                }

                return false;
            case var path:
                // How long the app works.
                await Task.Delay(path == "/slow" ? 200 : 2, cancellationToken);
                await SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
                return true;
        }

        async Task SendAsync(string text) => await connection.SendAsync(Encoding.ASCII.GetBytes(text), cancellationToken);
    }

    public async Task StopAsync()
    {
        await _stopping.CancelAsync();
        await _all;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _http2.Dispose();
        _handler.Dispose();
        _stopping.Dispose();
    }

    /// <summary>Asks so often a second, one after the other: where answers are slow the pace is theirs.</summary>
    private async Task PaceAsync(string kind, double perSecond, Func<CancellationToken, Task<bool>> ask)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1 / perSecond));
        while (!_stopping.IsCancellationRequested)
        {
            // Never cut short by the end of the traffic: that must not look like a failure.
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            try
            {
                if (await ask(limit.Token))
                {
                    _right.AddOrUpdate(kind, 1, (_, n) => n + 1);
                }
                else
                {
                    Wrong.Enqueue($"{kind}: not what it should be");
                }
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or HttpRequestException)
            {
                Wrong.Enqueue(string.Create(CultureInfo.InvariantCulture, $"{kind}: {e.Message}"));
            }

            await timer.WaitForNextTickAsync(CancellationToken.None);
        }
    }

    private Func<CancellationToken, Task<bool>> KeptAsync()
    {
        RawClient? client = null;
        var id = 0;
        return async token =>
        {
            // Ten thousand paths, which are one route.
            client ??= await RawClient.ConnectAsync(_port, token);
            await client.SendAsync(Encoding.ASCII.GetBytes(RawClient.Get($"/articles/{++id % 10_000}")), token);
            var isRight = (await client.ReceiveAsync(token)).Text == "hello";
            if (!isRight || id % 500 == 0)
            {
                await client.DisposeAsync();
                client = null;
            }

            return isRight;
        };
    }

    private async Task<bool> RightAsync(string request, int status)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        return (await RawClient.OnceAsync(_port, request, limit.Token)).Status == status;
    }

    private async Task<bool> BrokenAsync(CancellationToken cancellationToken)
    {
        try
        {
            // Where nothing was passed on yet, the proxy can still say so.
            return (await RawClient.GetAsync(_port, "/broken", cancellationToken)).Status == 502;
        }
        catch (IOException)
        {
            return true;
        }
    }

    private async Task<bool> UpgradeAsync(CancellationToken cancellationToken)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, _port, cancellationToken);
        await using var stream = new NetworkStream(socket);
        await stream.WriteAsync(Encoding.ASCII.GetBytes(RawClient.Get("/upgrade", headers: "Connection: Upgrade\r\nUpgrade: websocket\r\n")), cancellationToken);
        if ((await new HttpReader(stream).ReadHeadAsync(cancellationToken))?.Status != 101)
        {
            return false;
        }

        var echo = new byte[4];
        for (var i = 0; i < 5; i++)
        {
            // Somebody types.
            await Task.Delay(40, cancellationToken);
            await stream.WriteAsync("ping"u8.ToArray(), cancellationToken);
            await stream.ReadExactlyAsync(echo, cancellationToken);
        }

        return echo.AsSpan().SequenceEqual("ping"u8);
    }

    private async Task<bool> LeaveAsync(string request, int afterBytes, CancellationToken cancellationToken)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, _port, cancellationToken);
        await socket.SendAsync(Encoding.ASCII.GetBytes(request), cancellationToken);
        var buffer = new byte[16 * 1024];
        for (var received = 0; received < afterBytes;)
        {
            received += await socket.ReceiveAsync(buffer, cancellationToken);
        }

        // Leaves in the middle of whatever is under way: any moment will do.
        await Task.Delay(30, cancellationToken);
        return true;
    }
}
