using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using TimingProxy.Health;
using Xunit;

namespace TimingProxy.Tests.Health;

public sealed class ReadinessTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Readiness_Draining_HasNoWayBack()
    {
        using var readiness = new Readiness(_time);
        Assert.Equal("starting", readiness.Reason);
        readiness.MarkListening();
        Assert.Null(readiness.Reason);

        readiness.MarkDraining();
        readiness.MarkListening();

        Assert.Equal("draining", readiness.Reason);
        Assert.True(readiness.Draining.IsCancellationRequested);
    }

    [Fact]
    public void Readiness_DrainedTwice_CountsFromTheFirst()
    {
        using var readiness = new Readiness(_time);
        readiness.MarkDraining();
        _time.Advance(TimeSpan.FromSeconds(3));
        readiness.MarkDraining();

        Assert.Equal(TimeSpan.FromSeconds(3), readiness.DrainingFor);
    }

    [Fact]
    public async Task Probe_OfAListenerAmongDeadAddresses_IsAccepting()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var probe = new UpstreamProbe(() => [Dead(), "unix:/nowhere.sock", $"http://{listener.LocalEndpoint}/"], _time);

        Assert.True(await probe.AcceptsAsync());
    }

    [Fact]
    public async Task Probe_OfAUnixSocket_IsAccepting()
    {
        string path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.sock");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        var probe = new UpstreamProbe(() => [$"unix:{path}"], _time);

        Assert.True(await probe.AcceptsAsync());
        File.Delete(path);
    }

    [Fact]
    public async Task Probe_AskedOften_ConnectsOnceASecond()
    {
        int asked = 0;
        var probe = new UpstreamProbe(() => { asked++; return [Dead()]; }, _time);

        for (int i = 0; i < 5; i++)
        {
            Assert.False(await probe.AcceptsAsync());
        }

        Assert.Equal(1, asked);
        _time.Advance(UpstreamProbe.Fresh);
        await probe.AcceptsAsync();
        Assert.Equal(2, asked);
    }

    [Fact]
    public async Task Probe_WithoutAnAnswer_GivesUpAtTheLimit()
    {
        using var tcp = new Socket(SocketType.Stream, ProtocolType.Tcp);
        tcp.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
        tcp.Listen(0);
        var clients = Fill(tcp);
        var probe = new UpstreamProbe(() => [$"http://{tcp.LocalEndPoint}/"], _time);
        var answer = probe.AcceptsAsync();
        _time.Advance(UpstreamProbe.Patience);

        Assert.False(await answer.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        clients.ForEach(client => client.Dispose());
    }

    [Fact]
    public async Task Probe_OfAHangingAddressBesideAGoodOne_DoesNotWaitForIt()
    {
        using var hanging = new Socket(SocketType.Stream, ProtocolType.Tcp);
        hanging.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
        hanging.Listen(0);
        var clients = Fill(hanging);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var probe = new UpstreamProbe(() => [$"http://{hanging.LocalEndPoint}/", $"http://{listener.LocalEndpoint}/"], _time);

        Assert.True(await probe.AcceptsAsync().WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        clients.ForEach(client => client.Dispose());
    }

    /// <summary>Fills the backlog of a listener that nobody accepts from: what connects then hangs.</summary>
    private static List<Socket> Fill(Socket listener)
    {
        var clients = new List<Socket>();
        for (int i = 0; i < 4; i++)
        {
            var client = new Socket(SocketType.Stream, ProtocolType.Tcp);
            clients.Add(client);
            _ = client.ConnectAsync(listener.LocalEndPoint!, TestContext.Current.CancellationToken).AsTask();
        }

        return clients;
    }

    private static string Dead()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return $"http://{listener.LocalEndpoint}/";
    }
}
