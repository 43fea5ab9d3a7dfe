using System.Net;
using System.Net.Sockets;
using TimingProxy.Proxy;
using Xunit;

namespace TimingProxy.Tests.Proxy;

public sealed class TimestampedReceiveTests : IDisposable
{
    private readonly TcpClient _client = new();
    private readonly Socket _server;

    public TimestampedReceiveTests()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Of Linux.");
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        _client.Connect((IPEndPoint)listener.LocalEndpoint);
        _server = listener.AcceptSocket();
        Assert.True(TimestampedReceive.TryEnable(Socket));
    }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private Socket Socket => _client.Client;

    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
    }

    [Fact]
    public void Receive_NothingThere_IsFalse() => Assert.False(TimestampedReceive.TryReceive(Socket, new byte[8], out _, out _));

    [Fact]
    public async Task Receive_ReadLate_HasTheTimeOfTheArrival()
    {
        // The kernel begins with timestamps a moment after they were first asked for on the machine.
        DateTimeOffset? receivedAt;
        DateTimeOffset sent;
        byte[] buffer = new byte[8];
        do
        {
            await SendAsync("hello"u8.ToArray());
            sent = TimeProvider.System.GetUtcNow();
            await Task.Delay(100, Cancelled);
            Assert.True(TimestampedReceive.TryReceive(Socket, buffer, out int count, out receivedAt));
            Assert.Equal("hello"u8, buffer.AsSpan(0, count));
        }
        while (receivedAt is null);

        // What was sent over loopback has arrived before the call is over.
        Assert.InRange(receivedAt.Value, sent - TimeSpan.FromSeconds(1), sent + TimeSpan.FromMilliseconds(50));
    }

    [Fact]
    public async Task Receive_MoreThanTheBufferTakes_GoesOn()
    {
        await SendAsync("hello"u8.ToArray());
        byte[] buffer = new byte[3];

        Assert.True(TimestampedReceive.TryReceive(Socket, buffer, out int first, out _));
        Assert.Equal("hel"u8, buffer.AsSpan(0, first));
        Assert.True(TimestampedReceive.TryReceive(Socket, buffer, out int second, out _));
        Assert.Equal("lo"u8, buffer.AsSpan(0, second));
    }

    [Fact]
    public async Task Receive_AtTheEnd_IsOfNoBytes()
    {
        _server.Shutdown(SocketShutdown.Send);
        await WaitAsync();

        Assert.True(TimestampedReceive.TryReceive(Socket, new byte[8], out int count, out _));
        Assert.Equal(0, count);
    }

    [Fact]
    public async Task Receive_AfterAReset_FailsAsAStreamDoes()
    {
        _server.LingerState = new LingerOption(enable: true, seconds: 0);
        _server.Close();
        await WaitAsync();

        var error = Assert.Throws<IOException>(() => TimestampedReceive.TryReceive(Socket, new byte[8], out _, out _));
        Assert.Equal(SocketError.ConnectionReset, Assert.IsType<SocketException>(error.InnerException).SocketErrorCode);
    }

    [Fact]
    public void Receive_OnAClosedSocket_IsRefused()
    {
        Socket.Close();

        Assert.Throws<ObjectDisposedException>(() => TimestampedReceive.TryReceive(Socket, new byte[8], out _, out _));
    }

    private async Task SendAsync(byte[] bytes)
    {
        await _server.SendAsync(bytes, Cancelled);
        await WaitAsync();
    }

    private async Task WaitAsync() => await Task.Run(() => Socket.Poll(TimeSpan.FromSeconds(20), SelectMode.SelectRead), Cancelled);
}
