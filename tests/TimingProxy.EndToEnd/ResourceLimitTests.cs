using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>Many connections, too many connections, little memory.</summary>
[Trait(RunLength.Trait, RunLength.Any)]
public sealed class ResourceLimitTests
{
    private const int Piece = 64 * 1024;
    private static readonly TimeProvider Time = TimeProvider.System;
    private static readonly byte[] Request = Encoding.ASCII.GetBytes(RawClient.Get("/"));

    [Fact]
    public async Task IdleClients_TenThousand_CostLittleAndHarmNobody()
    {
        ProxyProcess.RequireNative();
        const int Count = 10_000;
        const double MostMbForAll = 250;
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var backend = new RawBackend(RawBackend.Answering("hello"));
        await using var proxy = await ProxyProcess.InFrontOfAsync(backend.Port, cancellationToken);
        await proxy.GetAsync("/", cancellationToken);
        var limit = (await proxy.ScrapeAsync(cancellationToken)).Sum("process_max_fds");
        Peers.Require(limit > Count * 1.4, $"open files are limited to {limit} (ulimit -Hn), and {Count} connections are wanted");
        var before = ProcessFacts.Of(proxy.Process);
        var idle = new List<RawClient>(Count);
        try
        {
            // Connections that have been used: fresh ones without a word are closed sooner, and hold less.
            while (idle.Count < Count)
            {
                idle.Add(await RawClient.ConnectAsync(proxy.Port, cancellationToken));
                await idle[^1].SendAsync(Request, cancellationToken);
                Assert.Equal(200, (await idle[^1].ReceiveAsync(cancellationToken)).Status);
            }

            var with = ProcessFacts.Of(proxy.Process);
            await RunLength.WriteResultAsync("idle-connections.md", string.Create(CultureInfo.InvariantCulture, $"""
                # Idle connections

                Made by `ResourceLimitTests`: clients that have asked once and keep their connection.

                | idle connections | resident memory before | with them | a connection |
                |---|---|---|---|
                | {Count} | {before.ResidentMb:F0} MiB | {with.ResidentMb:F0} MiB | {(with.ResidentMb - before.ResidentMb) * 1024 / Count:F0} KiB |

                """), cancellationToken);
            Assert.InRange(with.Descriptors, Count, Count + 200);
            Assert.InRange(with.ResidentMb - before.ResidentMb, 0, MostMbForAll);
            for (var i = 0; i < 20; i++)
            {
                await AnsweredWithinAsync(TimeSpan.FromSeconds(5), () => proxy.GetAsync("/", cancellationToken));
            }

            await AnsweredWithinAsync(TimeSpan.FromSeconds(5), () => proxy.AdminAsync("/metrics", cancellationToken));
            Assert.DoesNotContain(idle, client => client.ClosedByPeer);
        }
        finally
        {
            foreach (var client in idle)
            {
                await client.DisposeAsync();
            }
        }

        await Until.TrueAsync(
            () => Task.FromResult(ProcessFacts.Of(proxy.Process).Descriptors < before.Descriptors + 20),
            () => $"{ProcessFacts.Of(proxy.Process).Descriptors} descriptors are still open, and were {before.Descriptors}.",
            cancellationToken);
    }

    [Fact]
    public async Task Descriptors_UsedUpByUpstreamsThatDoNotAnswer_LeaveSomeToBeWatchedWith()
    {
        ProxyProcess.RequireNative();
        var cancellationToken = TestContext.Current.CancellationToken;
        // Nobody accepts: once its queue is full, whoever connects is neither let in nor refused.
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        var port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        var queued = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => RawClient.ConnectAsync(port, cancellationToken)));
        await using var proxy = await new Launch { Through = [Peers.Tool("prlimit", "util-linux"), "--nofile=256:256"] }.InFrontOfAsync(
            port, cancellationToken, ("UPSTREAM__CONNECTTIMEOUT", "3s"));
        using var client = new HttpClient { DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };

        var answers = Enumerable.Range(0, 240).Select(_ => client.GetAsync($"http://127.0.0.1:{proxy.Port}/", cancellationToken)).ToArray();
        var most = 0;
        for (var look = 0; look < 40; look++)
        {
            most = Math.Max(most, ProcessFacts.Of(proxy.Process).Descriptors);
            await Task.Delay(50, cancellationToken);
        }

        Assert.InRange(most, 256 - 64 - 10, 256 - 64 + 10);
        await AnsweredWithinAsync(TimeSpan.FromSeconds(5), () => proxy.AdminAsync("/metrics", cancellationToken));

        // Some waited in vain, the others were refused at once.
        Assert.All(await Task.WhenAll(answers), answer => Assert.InRange((int)answer.StatusCode, 502, 504));
        foreach (var one in queued)
        {
            await one.DisposeAsync();
        }

        listener.Dispose();
        await using var backend = new RawBackend(RawBackend.Answering("hello"), IPAddress.Loopback, port);
        await Until.TrueAsync(
            async () => (await proxy.GetAsync("/", cancellationToken)).Status == 200, () => $"It did not recover. {proxy.Process.Story}", cancellationToken);
    }

    [Fact]
    public async Task Descriptors_UsedUpByClients_LeaveSomeToServeWithAndAreTakenBack()
    {
        ProxyProcess.RequireNative();
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var backend = new RawBackend(RawBackend.Answering("hello"));
        await using var proxy = await new Launch { Through = [Peers.Tool("prlimit", "util-linux"), "--nofile=256:256"] }.InFrontOfAsync(backend.Port, cancellationToken);
        await using var early = await RawClient.ConnectAsync(proxy.Port, cancellationToken);
        await AskAsync(early);
        var clients = new List<RawClient>();
        try
        {
            // All are connected by the system; the proxy takes as many as it can.
            while (clients.Count < 600)
            {
                clients.Add(await RawClient.ConnectAsync(proxy.Port, cancellationToken));
            }

            await proxy.Process.WaitForLineAsync("accepts no more", cancellationToken);
            var cpu = ProcessFacts.Of(proxy.Process).Cpu;
            var begin = Time.GetTimestamp();
            for (var i = 0; i < 20; i++)
            {
                await AskAsync(early);
                await AnsweredWithinAsync(TimeSpan.FromSeconds(5), () => proxy.AdminAsync("/readyz", cancellationToken));
                await Task.Delay(100, cancellationToken);
            }

            var load = (ProcessFacts.Of(proxy.Process).Cpu - cpu) / Time.GetElapsedTime(begin);
            Assert.True(load < 0.5, $"The proxy used {load:P0} of a processor while it waited for descriptors.");
        }
        finally
        {
            foreach (var client in clients)
            {
                await client.DisposeAsync();
            }
        }

        await Until.TrueAsync(
            async () => ProcessFacts.Of(proxy.Process).Descriptors < 60 && (await proxy.GetAsync("/", cancellationToken)).Status == 200,
            () => $"It did not recover. {proxy.Process.Story}",
            cancellationToken);

        async Task AskAsync(RawClient client)
        {
            await client.SendAsync(Request, cancellationToken);
            Assert.Equal(200, (await client.ReceiveAsync(cancellationToken)).Status);
        }
    }

    [Fact]
    public async Task Memory_LimitedTo64Mb_SufficesToStreamAGigabyteBothWays()
    {
        ProxyProcess.RequireNative();
        const long Gigabyte = 1L << 30;
        var cancellationToken = TestContext.Current.CancellationToken;
        using var group = MemoryGroup.Create(limitMb: 64);
        var piece = new byte[Piece];
        await using var backend = new RawBackend(async (request, connection, token) =>
        {
            var length = request.StartLine.StartsWith("GET", StringComparison.Ordinal) ? Gigabyte : 0;
            await connection.SendAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"), token);
            for (; length > 0; length -= Piece)
            {
                await connection.SendAsync(piece, token);
            }

            return true;
        });
        await using var proxy = await Launch.InShell($"echo $$ >{group.Members}; exec \"$@\"").InFrontOfAsync(backend.Port, cancellationToken);

        using var http = new HttpClient();
        await using var down = await http.GetStreamAsync($"http://127.0.0.1:{proxy.Port}/", cancellationToken);
        long received = 0;
        while (await down.ReadAsync(piece, cancellationToken) is > 0 and var read)
        {
            received += read;
        }

        await using var up = await RawClient.ConnectAsync(proxy.Port, cancellationToken);
        await up.SendAsync(Encoding.ASCII.GetBytes(RawClient.Get("/", method: "POST", headers: $"Content-Length: {Gigabyte}\r\n")), cancellationToken);
        for (long sent = 0; sent < Gigabyte; sent += Piece)
        {
            await up.SendAsync(piece, cancellationToken);
        }

        Assert.Equal(200, (await up.ReceiveAsync(cancellationToken)).Status);
        Assert.Equal(Gigabyte, received);
        Assert.False(proxy.Process.HasExited);
        var facts = ProcessFacts.Of(proxy.Process);
        await RunLength.WriteResultAsync("memory-limit.md", string.Create(CultureInfo.InvariantCulture, $"""
            # A memory limit of 64 MiB

            Made by `ResourceLimitTests`: one gibibyte streamed down and one up, in a control group with that limit.

            | peak of resident memory | times the limit was met | killed |
            |---|---|---|
            | {facts.PeakMb:F0} MiB | {group.LimitMet} | {group.Killed} |

            """), cancellationToken);
        Assert.InRange(facts.PeakMb, 10, 64);
        Assert.Equal(0, group.Killed);
    }

    private static async Task AnsweredWithinAsync(TimeSpan limit, Func<Task<RawResponse>> ask)
    {
        var begin = Time.GetTimestamp();
        Assert.Equal(200, (await ask()).Status);
        Assert.InRange(Time.GetElapsedTime(begin), TimeSpan.Zero, limit);
    }
}
