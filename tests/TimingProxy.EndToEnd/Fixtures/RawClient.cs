using System.Net;
using System.Net.Sockets;
using System.Text;

namespace TimingProxy.EndToEnd.Fixtures;

public sealed record RawResponse(MessageHead Head, byte[] Body)
{
    public int Status => Head.Status;

    public string Text => Encoding.UTF8.GetString(Body);

    /// <summary>The proxy's stamp in milliseconds; fails unless there is exactly one, with one decimal.</summary>
    public double RenderMs
    {
        get
        {
            var stamp = Assert.Single(Head.Values("X-Render-MS"));
            Assert.Matches(@"^\d+\.\d$", stamp);
            return double.Parse(stamp, System.Globalization.CultureInfo.InvariantCulture);
        }
    }
}

/// <summary>One HTTP/1.1 connection of which every byte is under control.</summary>
public sealed class RawClient : IAsyncDisposable
{
    private readonly Socket _socket;
    private readonly NetworkStream _stream;
    private readonly HttpReader _reader;

    private RawClient(Socket socket)
    {
        _socket = socket;
        _stream = new NetworkStream(socket, ownsSocket: true);
        _reader = new HttpReader(_stream);
    }

    /// <summary>Bytes of the answer to the last request that have come so far.</summary>
    public long Received => _reader.Received;

    /// <summary>Whether the peer has ended the connection while nothing was asked of it.</summary>
    public bool ClosedByPeer => _socket.Poll(0, SelectMode.SelectRead) && _socket.Available == 0;

    public static async Task<RawClient> ConnectAsync(int port, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(IPAddress.Loopback, port, cancellationToken);
            return new RawClient(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>One request on a connection of its own.</summary>
    public static async Task<RawResponse> OnceAsync(int port, string request, CancellationToken cancellationToken)
    {
        await using var client = await ConnectAsync(port, cancellationToken);
        await client.SendAsync(Encoding.Latin1.GetBytes(request), cancellationToken);
        return await client.ReceiveAsync(cancellationToken, hasBody: !request.StartsWith("HEAD ", StringComparison.Ordinal));
    }

    public static Task<RawResponse> GetAsync(int port, string target, CancellationToken cancellationToken, string host = "legacy.example") =>
        OnceAsync(port, Get(target, host), cancellationToken);

    /// <summary>The text of a request without a body.</summary>
    /// <param name="headers">More header lines, each ended by CR LF.</param>
    public static string Get(string target, string host = "legacy.example", string headers = "", string method = "GET") =>
        $"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n";

    public async Task SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        _reader.ResetReceived();
        await _stream.WriteAsync(bytes, cancellationToken);
    }

    /// <exception cref="EndOfStreamException">The connection ended before the answer did.</exception>
    /// <exception cref="IOException">It was reset.</exception>
    public async Task<RawResponse> ReceiveAsync(CancellationToken cancellationToken, bool hasBody = true)
    {
        MessageHead head;
        do
        {
            head = await _reader.ReadHeadAsync(cancellationToken)
                ?? throw new EndOfStreamException("The connection ended before an answer.");
        }
        while (head.Status is >= 100 and < 200);

        var empty = !hasBody || head.Status is 204 or 304;
        return new RawResponse(head, empty ? [] : await _reader.ReadBodyAsync(head, toTheEnd: true, cancellationToken));
    }

    public ValueTask DisposeAsync() => _stream.DisposeAsync();
}
