using System.Text;

namespace TimingProxy.Tests.Functional;

/// <summary>A WebSocket byte for byte (RFC 6455 section 5): the proxy passes on frames and neither answers, joins nor rewrites them.</summary>
[Collection(nameof(RunsAlone))]
public sealed class WebSocketFrameTests
{
    private const string Upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private enum Opcode : byte
    {
        Continuation = 0,
        Text = 1,
        Ping = 9,
        Pong = 10,
    }

    [Fact]
    public async Task Frames_OfEitherSide_ArriveAsTheyAreAndOnlyThePeerAnswersPings()
    {
        var upgraded = new TaskCompletionSource<Wire>();
        var over = new TaskCompletionSource();
        await using var backend = new RawBackend(async wire =>
        {
            await wire.ReadHeadAsync();
            await wire.SendAsync($"HTTP/1.1 101 Switching Protocols\r\n{Upgrade}Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
            upgraded.SetResult(wire);
            await over.Task;
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        await using var client = await proxy.ConnectAsync();
        await client.SendAsync(
            $"GET /ws HTTP/1.1\r\nHost: a\r\n{Upgrade}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
        Assert.Equal(101, (await client.ReadHeadAsync()).Status);
        var app = await upgraded.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);

        await AssertPassesAsync(client, app, OfClient(Opcode.Ping, "are you there?"));
        await AssertPassesAsync(app, client, OfApp(Opcode.Pong, "are you there?"));
        await AssertPassesAsync(app, client, OfApp(Opcode.Ping, "and you?"));
        await AssertPassesAsync(client, app, OfClient(Opcode.Pong, "and you?"));

        await AssertPassesAsync(
            client, app, OfClient(Opcode.Text, "frag", isLast: false), OfClient(Opcode.Ping, "within"), OfClient(Opcode.Continuation, "ment"));
        await AssertPassesAsync(app, client, OfApp(Opcode.Pong, "within"));
        await AssertPassesAsync(
            app, client, OfApp(Opcode.Text, "frag", isLast: false), OfApp(Opcode.Ping, "within"), OfApp(Opcode.Continuation, "ment"));
        await AssertPassesAsync(client, app, OfClient(Opcode.Pong, "within"));
        over.SetResult();
    }

    /// <summary>Frame by frame: whatever the proxy had made up would arrive before the next one.</summary>
    private static async Task AssertPassesAsync(Wire from, Wire to, params byte[][] frames)
    {
        foreach (byte[] frame in frames)
        {
            await from.SendAsync(frame);
            byte[] arrived = new byte[frame.Length];
            await to.Stream.ReadExactlyAsync(arrived, TestContext.Current.CancellationToken).AsTask().WaitAsync(Patience, TestContext.Current.CancellationToken);
            Assert.Equal(frame, arrived);
        }
    }

    private static byte[] OfApp(Opcode opcode, string payload, bool isLast = true) =>
        [First(opcode, isLast), (byte)payload.Length, .. Encoding.ASCII.GetBytes(payload)];

    /// <summary>Masked, as a client's frames are.</summary>
    private static byte[] OfClient(Opcode opcode, string payload, bool isLast = true)
    {
        byte[] mask = [0x37, 0xfa, 0x21, 0x3d];
        return [First(opcode, isLast), (byte)(0x80 | payload.Length), .. mask, .. Encoding.ASCII.GetBytes(payload).Select((character, at) => (byte)(character ^ mask[at % 4]))];
    }

    private static byte First(Opcode opcode, bool isLast) => (byte)((isLast ? 0x80 : 0) | (byte)opcode);
}
