using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace TimingProxy.EndToEnd.Fixtures;

/// <summary>What a backend does with a request that it has read.</summary>
/// <param name="request">Its head; the body has been read too, and forgotten.</param>
/// <returns>Whether the connection goes on.</returns>
public delegate Task<bool> Behaviour(MessageHead request, Socket connection, CancellationToken cancellationToken);

/// <summary>A backend on a fixed port whose manners can be changed while it is up: also for connections it already has.</summary>
public sealed class RawBackend : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentDictionary<Socket, Task> _connections = new();
    private readonly IPAddress _address;
    private Socket? _listener;
    private int _requests;

    /// <param name="address">Loopback has many; 127.0.0.1 where none is given.</param>
    /// <param name="port">0 takes a free one.</param>
    public RawBackend(Behaviour behaviour, IPAddress? address = null, int port = 0)
    {
        Behaviour = behaviour;
        _address = address ?? IPAddress.Loopback;
        Port = port;
        Listen();
    }

    public int Port { get; private set; }

    public Behaviour Behaviour { get; set; }

    /// <summary>Requests read so far.</summary>
    public int Requests => Volatile.Read(ref _requests);

    /// <summary>Answers each request with 200 and this text after a while; <c>/delay/N</c> waits N ms instead.</summary>
    public static Behaviour Answering(string text, int delayMs = 0) => async (request, connection, cancellationToken) =>
    {
        var path = request.StartLine.Split(' ')[1];
        var delay = path.StartsWith("/delay/", StringComparison.Ordinal)
            ? int.Parse(path["/delay/".Length..], System.Globalization.CultureInfo.InvariantCulture)
            : delayMs;
        if (delay > 0)
        {
            await Task.Delay(delay, cancellationToken);
        }

        await WriteAsync(connection, $"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {text.Length}\r\n\r\n{text}", cancellationToken);
        return true;
    };

    /// <summary>Writes these bytes and closes cleanly.</summary>
    public static Behaviour Writing(string text) => async (_, connection, cancellationToken) =>
    {
        await WriteAsync(connection, text, cancellationToken);
        return false;
    };

    /// <summary>Resets the connection as soon as the request is read.</summary>
    public static Task<bool> Reset(MessageHead request, Socket connection, CancellationToken cancellationToken)
    {
        connection.LingerState = new LingerOption(enable: true, seconds: 0);
        return Task.FromResult(false);
    }

    /// <summary>Never answers.</summary>
    public static async Task<bool> Silence(MessageHead request, Socket connection, CancellationToken cancellationToken)
    {
        await Task.Delay(Timeout.Infinite, cancellationToken);
        return false;
    }

    /// <summary>Takes connections, on the same port as before if there was one.</summary>
    public void Listen()
    {
        _listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        Port = Port == 0 ? FreePort.Next() : Port;
        _listener.Bind(new IPEndPoint(_address, Port));
        _listener.Listen(512);
        _ = AcceptAsync(_listener);
    }

    /// <summary>From now on connections are refused, and those that exist are closed.</summary>
    public void Refuse()
    {
        _listener?.Dispose();
        foreach (var connection in _connections.Keys)
        {
            connection.Dispose();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        Refuse();
        await Task.WhenAll(_connections.Values);
        _stopping.Dispose();
    }

    private static async Task WriteAsync(Socket connection, string text, CancellationToken cancellationToken) =>
        await connection.SendAsync(Encoding.Latin1.GetBytes(text), cancellationToken);

    private async Task AcceptAsync(Socket listener)
    {
        try
        {
            while (true)
            {
                var connection = await listener.AcceptAsync(_stopping.Token);
                connection.NoDelay = true;
                // Before it is served: it may be answered, and refused from then on, before this goes on.
                _connections[connection] = Task.CompletedTask;
                var served = ServeAsync(connection);
                _connections[connection] = served;
                _ = served.ContinueWith(_ => _connections.TryRemove(connection, out Task? _), TaskScheduler.Default);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The listener was closed.
        }
    }

    private async Task ServeAsync(Socket connection)
    {
        try
        {
            using var stream = new NetworkStream(connection, ownsSocket: true);
            var reader = new HttpReader(stream);
            while (await reader.ReadHeadAsync(_stopping.Token) is { } head)
            {
                await reader.CopyBodyAsync(head, toTheEnd: false, Stream.Null, _stopping.Token);
                Interlocked.Increment(ref _requests);
                if (!await Behaviour(head, connection, _stopping.Token))
                {
                    return;
                }
            }
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The other side went away, or we do.
        }
    }
}
