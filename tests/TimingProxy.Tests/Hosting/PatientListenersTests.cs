using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using TimingProxy.Hosting;

namespace TimingProxy.Tests.Hosting;

public sealed class PatientListenersTests
{
    private static readonly TimeSpan LongEnough = TimeSpan.FromSeconds(10);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public async Task Unbind_WithConnectionThatNobodyAcceptedYet_WaitsForItAndClosesToOthers(string address)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux lets a listener refuse new connections and keep those that wait.");
        await using var listener = await Transport().BindAsync(new IPEndPoint(IPAddress.Parse(address), 0), Cancelled);
        using var waiting = Client(listener.EndPoint);
        await waiting.ConnectAsync(listener.EndPoint, Cancelled);
        await waiting.SendAsync("hello"u8.ToArray(), Cancelled);

        var unbound = listener.UnbindAsync(Cancelled).AsTask();
        using var late = Client(listener.EndPoint);
        var lateConnects = late.ConnectAsync(listener.EndPoint, Cancelled).AsTask();

        Assert.False(unbound.IsCompleted);
        await using var accepted = await listener.AcceptAsync(Cancelled);
        var read = await accepted!.Transport.Input.ReadAtLeastAsync(5, Cancelled);
        Assert.Equal(5, read.Buffer.Length);
        accepted.Transport.Input.AdvanceTo(read.Buffer.End);
        await unbound.WaitAsync(LongEnough, Cancelled);
        // Dropped, tried again by the system, and refused then.
        await Assert.ThrowsAsync<SocketException>(() => lateConnects.WaitAsync(LongEnough, Cancelled));
    }

    /// <summary>As with <c>Health:DrainTimeout=0s</c>.</summary>
    [Fact]
    public async Task Unbind_WithoutTime_ClosesThoughSomebodyWaits()
    {
        await using var listener = await Transport().BindAsync(new IPEndPoint(IPAddress.Loopback, 0), Cancelled);
        using var waiting = Client(listener.EndPoint);
        await waiting.ConnectAsync(listener.EndPoint, Cancelled);

        await listener.UnbindAsync(new CancellationToken(canceled: true)).AsTask().WaitAsync(LongEnough, Cancelled);

        using var late = Client(listener.EndPoint);
        await Assert.ThrowsAsync<SocketException>(() => late.ConnectAsync(listener.EndPoint, Cancelled).AsTask().WaitAsync(LongEnough, Cancelled));
    }

    private static PatientListeners Transport() =>
        new(Options.Create(new SocketTransportOptions()), NullLoggerFactory.Instance, TimeProvider.System);

    private static Socket Client(EndPoint server) => new(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
}
