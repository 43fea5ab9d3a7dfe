using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace TimingProxy.Tests.Health;

internal sealed record Frame(byte Type, byte[] Payload);

/// <summary>Just enough of HTTP/2 with prior knowledge to see its frames, which a real client hides.</summary>
internal sealed class RawHttp2 : IAsyncDisposable
{
    public const byte Data = 0;
    public const byte Headers = 1;
    public const byte GoAway = 7;

    private const byte SettingsFrame = 4;
    private const byte EndStreamAndHeaders = 0x5;

    private readonly NetworkStream _stream;

    private RawHttp2(NetworkStream stream) => _stream = stream;

    public static async Task<RawHttp2> ConnectAsync(Uri address, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(address.Host, address.Port, cancellationToken);
        var client = new RawHttp2(new NetworkStream(socket, ownsSocket: true));
        await client._stream.WriteAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray(), cancellationToken);
        await client.SendAsync(SettingsFrame, 0, 0, [], cancellationToken);
        return client;
    }

    public static int LastStreamOf(Frame goAway) => BinaryPrimitives.ReadInt32BigEndian(goAway.Payload) & int.MaxValue;

    public Task GetAsync(int streamId, CancellationToken cancellationToken)
    {
        // HPACK: indexed ":method: GET", ":scheme: http", ":path: /", and ":authority" as a literal.
        byte[] block = [0x82, 0x86, 0x84, 0x41, 9, .. Encoding.ASCII.GetBytes("localhost")];
        return SendAsync(Headers, EndStreamAndHeaders, streamId, block, cancellationToken);
    }

    /// <summary>Reads frames up to the next one of a type that is not empty.</summary>
    public async Task<Frame> ReadUntilAsync(byte type, CancellationToken cancellationToken)
    {
        while (await ReadAsync(cancellationToken) is { } frame)
        {
            if (frame.Type == type && frame.Payload.Length > 0)
            {
                return frame;
            }
        }

        throw new EndOfStreamException($"No frame of type {type} came before the end.");
    }

    /// <summary>Reads every frame until the server closes.</summary>
    public async Task<Frame[]> ReadToEndAsync(CancellationToken cancellationToken)
    {
        var frames = new List<Frame>();
        while (await ReadAsync(cancellationToken) is { } frame)
        {
            frames.Add(frame);
        }

        return [.. frames];
    }

    public ValueTask DisposeAsync() => _stream.DisposeAsync();

    private async Task<Frame?> ReadAsync(CancellationToken cancellationToken)
    {
        byte[] head = new byte[9];
        if (await _stream.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, cancellationToken) < head.Length)
        {
            return null;
        }

        byte[] payload = new byte[(head[0] << 16) | (head[1] << 8) | head[2]];
        await _stream.ReadExactlyAsync(payload, cancellationToken);
        return new Frame(head[3], payload);
    }

    private async Task SendAsync(byte type, byte flags, int streamId, byte[] payload, CancellationToken cancellationToken)
    {
        byte[] frame = new byte[9 + payload.Length];
        frame[2] = (byte)payload.Length;
        frame[3] = type;
        frame[4] = flags;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), streamId);
        payload.CopyTo(frame, 9);
        await _stream.WriteAsync(frame, cancellationToken);
    }
}
