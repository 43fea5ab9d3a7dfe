using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace TimingProxy.Tests.Protocol;

/// <summary>Frame types of RFC 9113 section 6.</summary>
internal enum FrameType : byte
{
    Data,
    Headers,
    Priority,
    ResetStream,
    Settings,
    PushPromise,
    Ping,
    GoAway,
    WindowUpdate,
    Continuation,
}

/// <summary>Error codes of RFC 9113 section 7, of those that are met here.</summary>
internal enum Http2Error
{
    None = 0,
    Protocol = 1,
    Internal = 2,
    FlowControl = 3,
    StreamClosed = 5,
    FrameSize = 6,
    RefusedStream = 7,
    Compression = 9,
    EnhanceYourCalm = 11,
}

internal sealed record Http2Frame(FrameType Type, byte Flags, int Stream, byte[] Payload)
{
    /// <summary>Of a GOAWAY: the last stream that is served.</summary>
    public int LastStream => BinaryPrimitives.ReadInt32BigEndian(Payload) & int.MaxValue;

    public Http2Error Error => (Http2Error)BinaryPrimitives.ReadInt32BigEndian(Payload.AsSpan(Type == FrameType.GoAway ? 4 : 0));
}

/// <summary>An HTTP/2 connection of which every frame is under control.</summary>
internal sealed class Http2Wire : IAsyncDisposable
{
    public const byte EndStream = 1;
    public const byte Ack = 1;
    public const byte EndHeaders = 4;
    public const byte Padded = 8;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    // A server that reads at all takes something within this.
    private static readonly TimeSpan Stuck = TimeSpan.FromSeconds(3);

    private static readonly byte[] Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray();

    private readonly Stream _stream;

    private Http2Wire(Stream stream) => _stream = stream;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <param name="preface">Whether the client's preface and its empty settings are sent.</param>
    public static async Task<Http2Wire> ConnectAsync(Uri address, bool preface = true)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, address.Port, Cancelled);
        var wire = new Http2Wire(new NetworkStream(socket, ownsSocket: true));
        if (preface)
        {
            await wire.SendAsync(Preface);
            await wire.SendAsync(FrameType.Settings, 0, 0);
        }

        return wire;
    }

    /// <summary>The server's side, which has read the client's preface and sent its own.</summary>
    public static async Task<Http2Wire> AcceptAsync(Stream stream)
    {
        byte[] preface = new byte[Preface.Length];
        await stream.ReadExactlyAsync(preface, Cancelled);
        Assert.Equal(Preface, preface);
        var wire = new Http2Wire(stream);
        await wire.SendAsync(FrameType.Settings, 0, 0);
        return wire;
    }

    /// <summary>A header block without compression: literals that are not indexed (RFC 7541 section 6.2.2).</summary>
    public static byte[] Block(params (string Name, string Value)[] headers)
    {
        var block = new List<byte>();
        foreach (var (name, value) in headers)
        {
            block.Add(0);
            foreach (string text in (string[])[name, value])
            {
                block.Add((byte)text.Length);
                block.AddRange(Encoding.Latin1.GetBytes(text));
            }
        }

        return [.. block];
    }

    /// <summary>A request's block: the pseudo headers and then these.</summary>
    public static byte[] Request(string method, params (string Name, string Value)[] headers) =>
        Block([(":method", method), (":scheme", "http"), (":path", "/"), (":authority", "a"), .. headers]);

    public Task HeadersAsync(int stream, byte[] block, bool isLast = true) =>
        SendAsync(FrameType.Headers, (byte)(EndHeaders | (isLast ? EndStream : 0)), stream, block);

    public Task SendAsync(FrameType type, byte flags, int stream, params byte[] payload) => SendAsync(Bytes(type, flags, stream, payload));

    public async Task SendAsync(ReadOnlyMemory<byte> bytes) => await _stream.WriteAsync(bytes, Cancelled);

    /// <summary>Sends until the server has ended the connection or does not read from it any more, or all is sent.</summary>
    /// <returns>Whether all of it was taken.</returns>
    public async Task<bool> FloodAsync(int count, Func<int, byte[]> frames)
    {
        try
        {
            for (int i = 0; i < count; i++)
            {
                var sent = _stream.WriteAsync(frames(i), Cancelled);
                if (!sent.IsCompletedSuccessfully)
                {
                    await sent.AsTask().WaitAsync(Stuck, Cancelled);
                }
            }

            return true;
        }
        catch (Exception error) when (error is IOException or TimeoutException)
        {
            return false;
        }
    }

    public static byte[] Bytes(FrameType type, byte flags, int stream, params byte[] payload)
    {
        byte[] frame = new byte[9 + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length << 8);
        frame[3] = (byte)type;
        frame[4] = flags;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame, 9);
        return frame;
    }

    /// <summary>Null when the connection ends, cleanly or not.</summary>
    public async Task<Http2Frame?> ReadAsync()
    {
        using var impatience = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        impatience.CancelAfter(Patience);
        try
        {
            byte[] head = new byte[9];
            if (await _stream.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, impatience.Token) < head.Length)
            {
                return null;
            }

            byte[] payload = new byte[BinaryPrimitives.ReadInt32BigEndian(head) >> 8];
            await _stream.ReadExactlyAsync(payload, impatience.Token);
            return new Http2Frame((FrameType)head[3], head[4], BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(5)) & int.MaxValue, payload);
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>The next frame of one of these types; null when the connection ends before.</summary>
    public async Task<Http2Frame?> ReadUntilAsync(params FrameType[] types)
    {
        Http2Frame? frame;
        do
        {
            frame = await ReadAsync();
        }
        while (frame is not null && (!types.Contains(frame.Type) || (frame is { Type: FrameType.GoAway } && frame.Error == Http2Error.None)));
        return frame;
    }

    public ValueTask DisposeAsync() => _stream.DisposeAsync();
}
