using System.Net;
using System.Net.Sockets;
using System.Text;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.Tests.Hostile;

/// <summary>Keeps every byte that comes, on whichever connection, and answers each whole request with the same bytes.</summary>
internal sealed class ByteBackend : IAsyncDisposable
{
    private const string Hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly List<Socket> _sockets = [];
    private readonly List<string> _whole = [];
    private readonly StringBuilder _bytes = new();
    private readonly byte[] _answer;

    public ByteBackend(string answer = Hello)
    {
        _answer = Encoding.Latin1.GetBytes(answer);
        _listener.Start();
        _ = AcceptAsync();
    }

    public Uri Address => new($"http://{_listener.LocalEndpoint}");

    /// <summary>All that came since <see cref="Forget"/>, in Latin-1.</summary>
    public string Bytes
    {
        get
        {
            lock (_bytes)
            {
                return _bytes.ToString();
            }
        }
    }

    /// <summary>The request lines of the whole requests that came since <see cref="Forget"/>.</summary>
    public string[] Whole
    {
        get
        {
            lock (_bytes)
            {
                return [.. _whole];
            }
        }
    }

    public void Forget()
    {
        lock (_bytes)
        {
            _bytes.Clear();
            _whole.Clear();
        }
    }

    public ValueTask DisposeAsync()
    {
        _listener.Dispose();
        lock (_bytes)
        {
            _sockets.ForEach(socket => socket.Dispose());
        }

        return ValueTask.CompletedTask;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptSocketAsync();
                lock (_bytes)
                {
                    _sockets.Add(socket);
                }

                _ = ServeAsync(socket);
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // The listener was closed.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        await using var stream = new NetworkStream(socket, ownsSocket: true);
        var reader = new HttpReader(new Overheard(stream, this));
        try
        {
            while (await reader.ReadHeadAsync(CancellationToken.None) is { } head)
            {
                await reader.ReadBodyAsync(head, toTheEnd: false, CancellationToken.None);
                lock (_bytes)
                {
                    _whole.Add(head.StartLine);
                }

                await stream.WriteAsync(_answer);
            }
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException or FormatException or OverflowException)
        {
            // The proxy ended the connection, or sent what is no HTTP; the bytes are there to be looked at.
        }
    }

    /// <summary>What is read of <paramref name="inner"/> is kept.</summary>
    private sealed class Overheard(Stream inner, ByteBackend backend) : TimingProxy.Timing.ReadOnlyBody(inner)
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            int count = await Inner.ReadAsync(buffer, cancellationToken);
            lock (backend._bytes)
            {
                backend._bytes.Append(Encoding.Latin1.GetString(buffer.Span[..count]));
            }

            return count;
        }
    }
}
