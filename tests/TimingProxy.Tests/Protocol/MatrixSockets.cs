using System.Net.WebSockets;
using System.Text;

namespace TimingProxy.Tests.Protocol;

/// <summary>The cases of the matrix that are WebSockets.</summary>
internal static class MatrixSockets
{
    private const int Megabyte = 1024 * 1024;
    private const WebSocketCloseStatus OwnCode = (WebSocketCloseStatus)4321;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static async Task MessagesAsync(Pair pair)
    {
        using var socket = await ConnectAsync(pair);
        byte[] buffer = new byte[64 * 1024];
        await socket.SendAsync("one"u8.ToArray(), WebSocketMessageType.Text, endOfMessage: true, Cancelled);
        Assert.Equal(("one", true), await TextAsync(socket, buffer));

        // Two frames of one message, which come back as two.
        await socket.SendAsync("fr"u8.ToArray(), WebSocketMessageType.Text, endOfMessage: false, Cancelled);
        Assert.Equal(("fr", false), await TextAsync(socket, buffer));
        await socket.SendAsync("ag"u8.ToArray(), WebSocketMessageType.Text, endOfMessage: true, Cancelled);
        Assert.Equal(("ag", true), await TextAsync(socket, buffer));

        byte[] large = new byte[Megabyte];
        new Random(1).NextBytes(large);
        var sending = socket.SendAsync(large, WebSocketMessageType.Binary, endOfMessage: true, Cancelled);
        using var received = new MemoryStream();
        WebSocketReceiveResult frame;
        do
        {
            frame = await socket.ReceiveAsync(buffer, Cancelled);
            received.Write(buffer, 0, frame.Count);
        }
        while (!frame.EndOfMessage);
        await sending;
        Assert.Equal(WebSocketMessageType.Binary, frame.MessageType);
        Assert.Equal(large, received.ToArray());
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "", Cancelled);
    }

    /// <summary>Nothing but pings, and the client gives up where one is not answered; and then nothing at all.</summary>
    public static async Task SilenceAsync(Pair pair)
    {
        foreach (var interval in (TimeSpan[])[TimeSpan.FromMilliseconds(200), Timeout.InfiniteTimeSpan])
        {
            using var socket = await ConnectAsync(pair, interval);
            byte[] buffer = new byte[64];
            var receiving = TextAsync(socket, buffer);
            await Task.Delay(MatrixApp.Silence, Cancelled);
            Assert.Equal(WebSocketState.Open, socket.State);
            await socket.SendAsync("still here"u8.ToArray(), WebSocketMessageType.Text, endOfMessage: true, Cancelled);
            Assert.Equal(("still here", true), await receiving);
            await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "", Cancelled);
        }
    }

    public static async Task CloseAsync(Pair pair)
    {
        using var socket = await ConnectAsync(pair);
        await socket.CloseAsync(OwnCode, "caf\u00e9", Cancelled);
        Assert.Equal((OwnCode, "caf\u00e9"), (socket.CloseStatus, socket.CloseStatusDescription));
    }

    private static async Task<ClientWebSocket> ConnectAsync(Pair pair, TimeSpan? pings = null)
    {
        var socket = new ClientWebSocket();
        socket.Options.HttpVersion = pair.Version;
        socket.Options.HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        socket.Options.KeepAliveInterval = pings ?? Timeout.InfiniteTimeSpan;
        socket.Options.KeepAliveTimeout = TimeSpan.FromSeconds(20);
        var address = new UriBuilder(pair.Address) { Scheme = pair.Address.Scheme == "https" ? "wss" : "ws", Path = "/socket" }.Uri;
        await socket.ConnectAsync(address, new HttpMessageInvoker(Pair.NewHandler()), Cancelled);
        return socket;
    }

    private static async Task<(string Text, bool IsLast)> TextAsync(WebSocket socket, byte[] buffer)
    {
        var frame = await socket.ReceiveAsync(buffer, Cancelled);
        return (Encoding.UTF8.GetString(buffer, 0, frame.Count), frame.EndOfMessage);
    }
}
