using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.Tests.Functional;

/// <summary>One side of an HTTP/1.1 connection of which every byte is under control. Text is Latin-1: a character is a byte.</summary>
internal sealed class Wire : IAsyncDisposable
{
    private readonly Socket _socket;
    private readonly HttpReader _reader;

    public Wire(Socket socket)
        : this(socket, new NetworkStream(socket, ownsSocket: true))
    {
    }

    private Wire(Socket socket, Stream stream)
    {
        _socket = socket;
        _socket.NoDelay = true;
        Stream = stream;
        _reader = new HttpReader(stream);
    }

    /// <summary>The bytes themselves, for what is no HTTP/1.1.</summary>
    public Stream Stream { get; }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <param name="receiveBuffer">Bytes that the system takes in before the test reads; 0 leaves it alone.</param>
    public static async Task<Wire> ConnectAsync(Uri address, int receiveBuffer = 0)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        if (receiveBuffer > 0)
        {
            socket.ReceiveBufferSize = receiveBuffer;
        }

        await socket.ConnectAsync(IPAddress.Loopback, address.Port, Cancelled);
        return new Wire(socket);
    }

    /// <summary>
    /// The server's side of TLS. Such a connection is closed without a <c>close_notify</c>, as by a peer that dies: see
    /// <see cref="SslStream.ShutdownAsync"/>.
    /// </summary>
    public static async Task<Wire> AcceptTlsAsync(Socket socket, SslServerAuthenticationOptions tls)
    {
        var secure = new SslStream(new NetworkStream(socket, ownsSocket: true));
        await secure.AuthenticateAsServerAsync(tls, Cancelled);
        return new Wire(socket, secure);
    }

    public Task SendAsync(string text) => SendAsync(Encoding.Latin1.GetBytes(text));

    public async Task SendAsync(ReadOnlyMemory<byte> bytes) => await Stream.WriteAsync(bytes, Cancelled);

    /// <summary>Null when the peer ends the connection before the first byte.</summary>
    public Task<MessageHead?> TryReadHeadAsync() => _reader.ReadHeadAsync(Cancelled);

    public async Task<MessageHead> ReadHeadAsync() =>
        await TryReadHeadAsync() ?? throw new EndOfStreamException("The connection ended before a message.");

    /// <param name="toTheEnd">Whether a body without a length lasts until the connection ends (a response's does).</param>
    public async Task<string> ReadBodyAsync(MessageHead head, bool toTheEnd = false) =>
        Encoding.Latin1.GetString(await _reader.ReadBodyAsync(head, toTheEnd, Cancelled));

    /// <summary>A whole response, without its interim ones.</summary>
    public async Task<Answer> ReceiveAsync(bool hasBody = true)
    {
        MessageHead head;
        do
        {
            head = await ReadHeadAsync();
        }
        while (head.Status is >= 100 and < 200);
        return new Answer(head, hasBody && head.Status is not (204 or 304) ? await ReadBodyAsync(head, toTheEnd: true) : "");
    }

    /// <summary>The next bytes as they come; empty when the peer has ended the connection.</summary>
    public async Task<string> ReadSomeAsync()
    {
        byte[] buffer = new byte[4096];
        int count = await Stream.ReadAsync(buffer, Cancelled);
        return Encoding.Latin1.GetString(buffer, 0, count);
    }

    /// <summary>Whether the connection ends, cleanly or not, with nothing more on it.</summary>
    public async Task<bool> EndsAsync()
    {
        try
        {
            return (await ReadSomeAsync()).Length == 0;
        }
        catch (IOException)
        {
            return true;
        }
    }

    /// <summary>Ends the connection by a reset.</summary>
    public void Reset()
    {
        _socket.LingerState = new LingerOption(enable: true, seconds: 0);
        _socket.Dispose();
    }

    public ValueTask DisposeAsync() => Stream.DisposeAsync();
}

/// <summary>A response as it came over the wire.</summary>
internal sealed record Answer(MessageHead Head, string Body)
{
    public int Status => Head.Status;

    public string Reason => string.Join(' ', Head.StartLine.Split(' ').Skip(2));

    public string? Value(string name) => Head.Value(name);

    /// <summary>The stamp in milliseconds; fails unless there is exactly one, with one decimal.</summary>
    public double RenderMs
    {
        get
        {
            string stamp = Assert.Single(Head.Values("X-Render-MS"));
            Assert.Matches(@"^\d+\.\d$", stamp);
            return double.Parse(stamp, System.Globalization.CultureInfo.InvariantCulture);
        }
    }
}
