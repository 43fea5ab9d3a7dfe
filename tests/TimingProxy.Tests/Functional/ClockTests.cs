using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Http.Features;

namespace TimingProxy.Tests.Functional;

/// <summary>The clock in every ending of a request that reaches an upstream which answers.</summary>
[Collection(nameof(RunsAlone))]
public sealed class ClockTests
{
    private const int Megabytes5 = 5 * 1024 * 1024;

    [Theory]
    [InlineData(0, 15)]
    [InlineData(5, 15)]
    [InlineData(50, 9)]
    [InlineData(500, 3)]
    public async Task Upstream_KnownDelay_IsWithin2MsOfTheBackendsOwnMeasure(int delayMs, int requests)
    {
        await using var backend = await Backend.StartAsync(async context =>
        {
            long begin = TimeProvider.System.GetTimestamp();
            await Delay(delayMs);
            double own = TimeProvider.System.GetElapsedTime(begin).TotalMilliseconds;
            context.Response.Headers["X-Own-MS"] = own.ToString(CultureInfo.InvariantCulture);
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        // The first request pays for what is made only once.
        await proxy.GetAsync();
        await proxy.NextAsync();

        var differences = new List<double>();
        for (int i = 0; i < requests; i++)
        {
            var answer = await proxy.GetAsync();
            var figures = await proxy.NextAsync();
            differences.Add(figures.Upstream - double.Parse(answer.Value("X-Own-MS")!, CultureInfo.InvariantCulture));
        }

        // What the machine does meanwhile only adds.
        Assert.InRange(differences.Min(), 0, 2);
    }

    [Fact]
    public async Task Upstream_HeaderObserverAndHistogram_ShowTheSameNumber()
    {
        await using var backend = await Backend.StartAsync(async context =>
        {
            await Delay(int.Parse(context.Request.Query["ms"]!, CultureInfo.InvariantCulture));
            await context.Response.WriteAsync("hello");
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        double seconds = 0;
        foreach (int delay in (int[])[0, 7, 33])
        {
            var answer = await proxy.GetAsync($"/?ms={delay}");
            var figures = await proxy.NextAsync();
            Assert.Equal(figures.UpstreamText, answer.Value("X-Render-MS"));
            Assert.InRange(figures.Total, figures.Upstream + figures.Overhead, double.MaxValue);
            Assert.Null(figures.ErrorType);
            seconds += figures.Upstream / 1000;
        }

        var scrape = await proxy.ScrapeAsync();
        (string, string)[] labels = [("route", "default"), ("cluster", "upstream"), ("http_request_method", "GET"), ("http_response_status_code", "200")];
        Assert.Equal(3, scrape.Sum("timingproxy_upstream_duration_seconds_count", labels));
        Assert.Equal(seconds, scrape.Sum("timingproxy_upstream_duration_seconds_sum", labels), 9);
        Assert.Equal(3, scrape.Sum("timingproxy_request_duration_seconds_count", ("route", "default"), ("http_response_status_code", "200")));
        Assert.Equal(3, scrape.Sum("timingproxy_overhead_duration_seconds_count"));
        Assert.Equal(3, scrape.Sum("timingproxy_upstream_body_duration_seconds_count"));
        Assert.False(scrape.Has("timingproxy_request_failures_total"));
        Assert.Equal(0, scrape.Sum("timingproxy_active_requests"));
        Assert.Equal(3, scrape.Sum("timingproxy_inflight_departures_total", ("inflight", "1")));
        Assert.Equal(seconds, scrape.Sum("timingproxy_inflight_upstream_seconds_total", ("inflight", "1")), 9);
    }

    [Theory]
    [InlineData("HEAD", 200)]
    [InlineData("GET", 204)]
    [InlineData("GET", 304)]
    [InlineData("DELETE", 500)]
    public async Task Upstream_AnswerWithoutBody_IsStamped(string method, int status)
    {
        await using var backend = await Backend.StartAsync(async context =>
        {
            await Delay(20);
            context.Response.StatusCode = status;
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        var answer = await proxy.GetAsync(method: method);

        var figures = await proxy.NextAsync();
        Assert.Equal(status, answer.Status);
        Assert.Equal(figures.UpstreamText, answer.Value("X-Render-MS"));
        Assert.InRange(figures.Upstream, 15, 300);
        Assert.Null(figures.ErrorType);
        var scrape = await proxy.ScrapeAsync();
        Assert.Equal(1, scrape.Sum(
            "timingproxy_upstream_duration_seconds_count",
            ("http_request_method", method),
            ("http_response_status_code", status.ToString(CultureInfo.InvariantCulture))));
    }

    [Fact]
    public async Task Upload_ClientSendsSlowly_IsNotUpstreamTime()
    {
        await using var backend = await Backend.StartAsync(async context =>
        {
            long length = await DrainAsync(context.Request.Body);
            await Delay(40);
            await context.Response.WriteAsync(length.ToString(CultureInfo.InvariantCulture));
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        await using var client = await proxy.ConnectAsync();

        await client.SendAsync($"POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: {Megabytes5}\r\n\r\n");
        byte[] piece = new byte[Megabytes5 / 10];
        for (int i = 0; i < 10; i++)
        {
            await Delay(80);
            await client.SendAsync(piece);
        }

        var answer = await client.ReceiveAsync();
        var figures = await proxy.NextAsync();
        Assert.Equal(Megabytes5.ToString(CultureInfo.InvariantCulture), answer.Body);
        Assert.InRange(figures.Upload, 600, 5000);
        Assert.InRange(figures.Upstream, 30, 500);
        Assert.Equal(figures.UpstreamText, answer.Value("X-Render-MS"));
        Assert.Equal(Megabytes5, figures.BytesIn);
    }

    [Fact]
    public async Task Upload_ThatUpstreamAnswersEarly_IsNotUpstreamTime()
    {
        await using var backend = new RawBackend(async wire =>
        {
            var head = await wire.ReadHeadAsync();
            await wire.SendAsync("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno");
            await wire.ReadBodyAsync(head);
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        await using var client = await proxy.ConnectAsync();

        await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345");
        await Delay(600);
        await client.SendAsync("67890");

        var answer = await client.ReceiveAsync();
        var figures = await proxy.NextAsync();
        Assert.Equal((401, "no"), (answer.Status, answer.Body));
        Assert.InRange(figures.Upstream, 0, 500);
        Assert.Equal(figures.UpstreamText, answer.Value("X-Render-MS"));
        Assert.Null(figures.ErrorType);
    }

    [Fact]
    public async Task Download_ClientReadsSlowly_IsNeitherUpstreamNorBodyTime()
    {
        await using var backend = await Backend.StartAsync(async context =>
        {
            context.Response.ContentLength = 4 * Megabytes5;
            for (int i = 0; i < 4; i++)
            {
                await context.Response.Body.WriteAsync(new byte[Megabytes5], context.RequestAborted);
            }
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        await using var client = await proxy.ConnectAsync(receiveBuffer: 16 * 1024);

        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        var head = await client.ReadHeadAsync();
        await Delay(800);
        string body = await client.ReadBodyAsync(head);

        var figures = await proxy.NextAsync();
        Assert.Equal(4 * Megabytes5, body.Length);
        Assert.Equal(figures.UpstreamText, head.Value("X-Render-MS"));
        Assert.InRange(figures.Upstream, 0, 700);
        Assert.InRange(figures.Total, 790, double.MaxValue);
        Assert.InRange(figures.Body, 0, figures.Total - 600);
        Assert.Equal(4 * Megabytes5, figures.BytesOut);
    }

    [Fact]
    public async Task Body_UpstreamWritesSlowly_IsBodyTime()
    {
        await using var backend = await Backend.StartAsync(async context =>
        {
            await context.Response.Body.FlushAsync();
            await Delay(500);
            await context.Response.WriteAsync("late");
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        var answer = await proxy.GetAsync();

        var figures = await proxy.NextAsync();
        Assert.Equal("late", answer.Body);
        Assert.InRange(figures.Upstream, 0, 400);
        // The backend begins to wait a moment before the proxy does.
        Assert.InRange(figures.Body, 400, 5000);
        Assert.Equal(figures.Body / 1000, (await proxy.ScrapeAsync()).Sum("timingproxy_upstream_body_duration_seconds_sum"), 9);
    }

    [Fact]
    public async Task Upstream_InterimResponses_DoNotStopTheClock()
    {
        await using var backend = new RawBackend(async wire =>
        {
            await wire.ReadHeadAsync();
            await wire.SendAsync("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
            await Delay(120);
            await wire.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        var answer = await proxy.GetAsync();

        var figures = await proxy.NextAsync();
        Assert.Equal((200, "ok"), (answer.Status, answer.Body));
        Assert.InRange(figures.Upstream, 110, 500);
        Assert.Equal(figures.UpstreamText, answer.Value("X-Render-MS"));
    }

    [Fact]
    public async Task Upstream_Http2ClientAndTrailers_IsStampedAndTrailersPass()
    {
        await using var backend = await Backend.StartAsync(
            async context =>
            {
                await Delay(30);
                await context.Response.WriteAsync("message");
                context.Response.AppendTrailer("grpc-status", "0");
            },
            Backend.ListenHttp2);
        await using var proxy = await ProxyHarness.StartAsync($"h2c://127.0.0.1:{backend.Address.Port}");
        using var client = proxy.Client(version: 2);

        using var response = await client.GetAsync("/", TestContext.Current.CancellationToken);

        var figures = await proxy.NextAsync();
        Assert.Equal(HttpVersion.Version20, response.Version);
        Assert.Equal("0", Assert.Single(response.TrailingHeaders.GetValues("grpc-status")));
        Assert.Equal(figures.UpstreamText, Assert.Single(response.Headers.GetValues("X-Render-MS")));
        Assert.InRange(figures.Upstream, 25, 300);
        Assert.Null(figures.ErrorType);
    }

    [Fact]
    public async Task Connect_NewConnections_HaveAMetricOfTheirOwn()
    {
        await using var backend = await Backend.StartAsync(context => context.Response.WriteAsync("x"));
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        await proxy.GetAsync();
        await proxy.GetAsync();

        Assert.Equal(1, (await proxy.ScrapeAsync()).Sum("timingproxy_upstream_connect_duration_seconds_count", ("cluster", "upstream")));
    }

    [Fact]
    public async Task Upgrade_IdleLongerThanTheTimeout_IsStampedAndNotCut()
    {
        await using var backend = await Backend.StartAsync(async context =>
        {
            await Delay(20);
            var stream = await context.Features.Get<IHttpUpgradeFeature>()!.UpgradeAsync();
            byte[] buffer = new byte[64];
            int count;
            while ((count = await stream.ReadAsync(buffer, context.RequestAborted)) > 0)
            {
                await stream.WriteAsync(buffer.AsMemory(0, count), context.RequestAborted);
            }
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address, "Upstream:Timeout=1s");
        var client = await proxy.ConnectAsync();
        await client.SendAsync("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
        var head = await client.ReadHeadAsync();
        Assert.Equal(101, head.Status);
        await Delay(1500);
        await client.SendAsync("ping");
        Assert.Equal("ping", await client.ReadSomeAsync());

        var open = await proxy.ScrapeAsync();
        Assert.Equal(1, open.Sum("timingproxy_upgraded_connections", ("cluster", "upstream")));
        Assert.Equal(0, open.Sum("timingproxy_active_requests"));
        await client.DisposeAsync();

        var figures = await proxy.NextAsync();
        Assert.True(figures.IsUpgraded);
        Assert.Null(figures.ErrorType);
        Assert.Equal(figures.UpstreamText, head.Value("X-Render-MS"));
        Assert.InRange(figures.Upstream, 15, 300);
        var closed = await proxy.ScrapeAsync();
        Assert.Equal(0, closed.Sum("timingproxy_upgraded_connections"));
        Assert.Equal(1, closed.Sum("timingproxy_upgraded_duration_seconds_count", ("cluster", "upstream")));
        Assert.InRange(closed.Sum("timingproxy_upgraded_duration_seconds_sum"), 1.4, 30);
        Assert.Equal(1, closed.Sum("timingproxy_upstream_duration_seconds_count", ("http_response_status_code", "101")));
        Assert.False(closed.Has("timingproxy_request_duration_seconds_count"));
        Assert.False(closed.Has("timingproxy_upstream_body_duration_seconds_count"));
    }

    private static async Task<long> DrainAsync(Stream body)
    {
        byte[] buffer = new byte[64 * 1024];
        long length = 0;
        int count;
        while ((count = await body.ReadAsync(buffer, TestContext.Current.CancellationToken)) > 0)
        {
            length += count;
        }

        return length;
    }

    /// <summary>What makes a peer slow.</summary>
    private static Task Delay(int milliseconds) =>
        milliseconds == 0 ? Task.CompletedTask : Task.Delay(milliseconds, TestContext.Current.CancellationToken);
}
