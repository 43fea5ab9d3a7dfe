using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using TimingProxy.Hosting;

namespace TimingProxy.Tests.Hosting;

public sealed class SocketTuningTests
{
    // Of Linux: tcp.h.
    private const int TcpLevel = 6;
    private const int UserTimeout = 18;

    /// <summary>By the kernel's hand: what is sent and not acknowledged, or has no room at the client, ends the connection after a minute.</summary>
    [Fact]
    public async Task Connection_ThatIsAccepted_HasALimitOfStandstill()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "TCP_USER_TIMEOUT is Linux's.");
        var transport = new SocketTransportOptions();
        SocketTuning.Configure(transport);
        using var listening = transport.CreateBoundListenSocket(new IPEndPoint(IPAddress.Loopback, 0));
        listening.Listen();
        using var client = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(listening.LocalEndPoint!, TestContext.Current.CancellationToken);
        using var accepted = await listening.AcceptAsync(TestContext.Current.CancellationToken);

        int milliseconds = 0;
        accepted.GetRawSocketOption(TcpLevel, UserTimeout, MemoryMarshal.AsBytes(new Span<int>(ref milliseconds)));

        Assert.Equal(60_000, milliseconds);
    }
}
