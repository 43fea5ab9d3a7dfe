using System.Net;
using System.Net.Sockets;
using System.Text;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>Scrapers that ask and never read, of an answer that no socket buffer holds.</summary>
public sealed class HangingScraperTests
{
    [Fact]
    public async Task Scrapers_ThatHang_HoldUpNeitherOthersNorTraffic()
    {
        const int Scrapers = 20;
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var backend = new RawBackend(async (request, connection, token) =>
        {
            await connection.SendAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {request.StartLine.Split('/', ' ')[2]} Some\r\nContent-Length: 0\r\n\r\n"), token);
            return true;
        });
        await using var proxy = await ProxyProcess.InFrontOfAsync(backend.Port, cancellationToken);
        await using var client = await RawClient.ConnectAsync(proxy.Port, cancellationToken);
        foreach (var method in new[] { "GET", "PUT", "DELETE" })
        {
            for (var status = 300; status < 600; status++)
            {
                await client.SendAsync(Encoding.ASCII.GetBytes(RawClient.Get($"/{status}", method: method, headers: "Content-Length: 0\r\n")), cancellationToken);
                Assert.Equal(status, (await client.ReceiveAsync(cancellationToken)).Status);
            }
        }

        var size = (await proxy.ScrapeAsync(cancellationToken)).Text.Length;
        Assert.InRange(size, 1_000_000, 20_000_000);
        var hanging = new List<Socket>();
        try
        {
            while (hanging.Count < Scrapers)
            {
                var scraper = new Socket(SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
                hanging.Add(scraper);
                await scraper.ConnectAsync(IPAddress.Loopback, proxy.AdminPort, cancellationToken);
                await scraper.SendAsync(Encoding.ASCII.GetBytes(RawClient.Get("/metrics")), cancellationToken);
            }

            var before = await proxy.ScrapeAsync(cancellationToken);
            for (var i = 0; i < 5; i++)
            {
                // The exporter's own cache must not be what answers.
                await Task.Delay(400, cancellationToken);
                var begin = TimeProvider.System.GetTimestamp();
                var scrape = await proxy.ScrapeAsync(cancellationToken);
                Assert.InRange(TimeProvider.System.GetElapsedTime(begin), TimeSpan.Zero, TimeSpan.FromSeconds(5));
                Assert.True(scrape.Sum("timingproxy_request_duration_seconds_count") >= before.Sum("timingproxy_request_duration_seconds_count") + i);
                Assert.Equal(404, (await proxy.GetAsync("/404", cancellationToken)).Status);
            }

            Assert.InRange(ProcessFacts.Of(proxy.Process).ResidentMb, 0, 400);
        }
        finally
        {
            hanging.ForEach(scraper => scraper.Dispose());
        }
    }
}
