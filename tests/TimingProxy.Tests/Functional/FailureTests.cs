using System.Net;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.Tests.Functional;

/// <summary>The clock, the answer and the count where an upstream fails.</summary>
[Collection(nameof(RunsAlone))]
public sealed class FailureTests
{
    [Fact]
    public async Task Upstream_Refuses_Is502Connect()
    {
        await using var proxy = await ProxyHarness.StartAsync(RawBackend.Nobody());

        var answer = await proxy.GetAsync("/secret");

        await AssertFailedAsync(proxy, answer, 502, "connect", isInHistogram: false);
    }

    [Fact]
    public async Task Upstream_NameIsUnknown_Is502Connect()
    {
        await using var proxy = await ProxyHarness.StartAsync("http://nobody.invalid:80");

        await AssertFailedAsync(proxy, await proxy.GetAsync(), 502, "connect", isInHistogram: false);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Upstream_EndsBeforeHeaders_Is502Reset(bool isReset)
    {
        await using var backend = new RawBackend(async wire =>
        {
            await wire.ReadHeadAsync();
            await Task.Delay(60, TestContext.Current.CancellationToken);
            if (isReset)
            {
                wire.Reset();
            }
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        var answer = await proxy.GetAsync();

        var figures = await AssertFailedAsync(proxy, answer, 502, "reset", isInHistogram: false);
        Assert.InRange(figures.Upstream, 50, 5000);
        Assert.Equal(1, backend.Connections);
    }

    [Theory]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n")]
    [InlineData("HTTP/1.1 abc OK\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nno colon here\r\n\r\n")]
    public async Task Upstream_AnswersGarbage_Is502Other(string garbage)
    {
        await using var backend = RawBackend.Answering(garbage);
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        await AssertFailedAsync(proxy, await proxy.GetAsync(), 502, "other", isInHistogram: false);
    }

    [Fact]
    public async Task Upstream_SilentPastTheTimeout_Is504WithTheTimeItWaited()
    {
        await using var backend = new RawBackend(wire => Forever());
        await using var proxy = await ProxyHarness.StartAsync(backend.Address, "Upstream:Timeout=300ms");

        var answer = await proxy.GetAsync();

        var figures = await AssertFailedAsync(proxy, answer, 504, "timeout", isInHistogram: true);
        Assert.InRange(figures.Upstream, 295, 5000);
        Assert.Equal(figures.Upstream / 1000, (await proxy.ScrapeAsync()).Sum("timingproxy_upstream_duration_seconds_sum"), 9);
    }

    [Fact]
    public async Task Timeout_SlowUpload_DoesNotCount()
    {
        await using var backend = await Backend.StartAsync(async context =>
        {
            using var reader = new StreamReader(context.Request.Body);
            await context.Response.WriteAsync(await reader.ReadToEndAsync());
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address, "Upstream:Timeout=700ms");
        await using var client = await proxy.ConnectAsync();

        await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n");
        for (int i = 0; i < 3; i++)
        {
            await client.SendAsync("ab");
            await Task.Delay(500, TestContext.Current.CancellationToken);
        }

        Assert.Equal("ababab", (await client.ReceiveAsync()).Body);
        Assert.InRange((await proxy.NextAsync()).Upload, 800, 10_000);
    }

    [Fact]
    public async Task Timeout_SlowBody_DoesNotCount()
    {
        await using var backend = await Backend.StartAsync(async context =>
        {
            await context.Response.Body.FlushAsync();
            await Task.Delay(1500, TestContext.Current.CancellationToken);
            await context.Response.WriteAsync("late");
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address, "Upstream:Timeout=1s");

        Assert.Equal("late", (await proxy.GetAsync()).Body);
        Assert.Null((await proxy.NextAsync()).ErrorType);
    }

    /// <summary>As gRPC servers do on errors, and others on uploads that they do not want (RFC 9113 section 8.1).</summary>
    [Fact]
    public async Task Upstream_AnswersAndWantsNoMoreOfTheBody_IsNoFailure()
    {
        await using var backend = await Backend.StartAsync(
            context =>
            {
                context.Response.StatusCode = 413;
                return context.Response.WriteAsync("too much");
            },
            Backend.ListenHttp2);
        await using var proxy = await ProxyHarness.StartAsync($"h2c://127.0.0.1:{backend.Address.Port}");
        await using var client = await proxy.ConnectAsync();

        await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nonly a part");

        var answer = await client.ReceiveAsync();
        Assert.Equal((413, "too much"), (answer.Status, answer.Body));
        var figures = await proxy.NextAsync();
        Assert.Equal((413, null), (figures.Status, figures.ErrorType));
        Assert.Equal(0, (await proxy.ScrapeAsync()).Sum("timingproxy_request_failures_total"));
        Assert.DoesNotContain(proxy.Log, line => line.Text.StartsWith("Upstream failure", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("Content-Length: 1000\r\n\r\nonly so much", "", true)]
    [InlineData("Content-Length: 1000\r\n\r\nonly so much", "", false)]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "", false)]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "XYZ\r\n", false)]
    public async Task Upstream_DiesInTheBody_TheClientsConnectionIsAborted(string begin, string end, bool isReset)
    {
        var seen = new TaskCompletionSource();
        await using var backend = new RawBackend(async wire =>
        {
            await wire.ReadHeadAsync();
            await wire.SendAsync("HTTP/1.1 200 OK\r\n" + begin);
            await seen.Task;
            await wire.SendAsync(end);
            if (isReset)
            {
                wire.Reset();
            }
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        await using var client = await proxy.ConnectAsync();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        var head = await client.ReadHeadAsync();
        seen.SetResult();

        // Torn: neither the length nor the last chunk ever comes.
        await Assert.ThrowsAnyAsync<IOException>(() => client.ReadBodyAsync(head));

        var figures = await proxy.NextAsync();
        Assert.Equal("body", figures.ErrorType);
        Assert.Equal(figures.UpstreamText, head.Value("X-Render-MS"));
        var scrape = await proxy.ScrapeAsync();
        Assert.Equal(1, scrape.Sum("timingproxy_request_failures_total", ("error_type", "body"), ("route", "default")));
        Assert.Equal(1, scrape.Sum("timingproxy_upstream_duration_seconds_count"));
    }

    [Fact]
    public async Task Failure_ToAHeadRequest_HasNoBody()
    {
        await using var proxy = await ProxyHarness.StartAsync(RawBackend.Nobody());
        await using var client = await proxy.ConnectAsync();

        await client.SendAsync("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");

        Assert.Equal(502, (await client.ReceiveAsync(hasBody: false)).Status);
        Assert.Equal(502, (await client.ReceiveAsync()).Status);
    }

    [Fact]
    public async Task Retry_RequestWithoutBodyMeetsAClosedConnection_GoesOnAFreshOne()
    {
        await using var backend = new RawBackend(async wire =>
        {
            // Answers once and closes when the next request comes, like a server whose keep-alive ran out in that very moment.
            await wire.ReadHeadAsync();
            await wire.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            await wire.ReadHeadAsync();
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        Assert.Equal(200, (await proxy.GetAsync()).Status);
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        Assert.Equal(2, backend.Connections);
    }

    [Fact]
    public async Task Routes_NoneMatches_Is404OfOurs()
    {
        await using var backend = await Backend.StartAsync(context => context.Response.WriteAsync("x"));
        await using var proxy = await ProxyHarness.StartAsync(
            (string?)null,
            "ReverseProxy:Routes:api:ClusterId=app",
            "ReverseProxy:Routes:api:Match:Path=/api/{**rest}",
            $"ReverseProxy:Clusters:app:Destinations:one:Address={backend.Address}");

        Assert.Equal(200, (await proxy.GetAsync("/api/1")).Status);
        var inside = await proxy.NextAsync();
        Assert.Equal(404, (await proxy.GetAsync("/other")).Status);
        var outside = await proxy.NextAsync();

        Assert.Equal(("api", "app"), (inside.Route, inside.Cluster));
        Assert.Equal(("default", ""), (outside.Route, outside.Cluster));
    }

    private static async Task<Figures> AssertFailedAsync(ProxyHarness proxy, Answer answer, int status, string errorType, bool isInHistogram)
    {
        var figures = await proxy.NextAsync();
        Assert.Equal(status, answer.Status);
        string reason = status == 502 ? "Bad Gateway" : "Gateway Timeout";
        Assert.Equal($"{status} {reason}: {errorType}\n", answer.Body);
        Assert.Equal("text/plain; charset=utf-8", answer.Value("Content-Type"));
        _ = answer.RenderMs;
        Assert.Equal(figures.UpstreamText, answer.Value("X-Render-MS"));
        Assert.Equal((status, errorType), (figures.Status, figures.ErrorType));

        var scrape = await proxy.ScrapeAsync();
        Assert.Equal(1, scrape.Sum("timingproxy_request_failures_total", ("route", "default"), ("error_type", errorType)));
        Assert.Equal(isInHistogram ? 1 : 0, scrape.Sum("timingproxy_upstream_duration_seconds_count"));
        Assert.Equal(0, scrape.Sum("timingproxy_active_requests"));
        var (level, text) = Assert.Single(proxy.Log, line => line.Level >= LogLevel.Warning);
        Assert.Equal(LogLevel.Warning, level);
        Assert.Contains(errorType, text, StringComparison.Ordinal);
        return figures;
    }

    private static Task Forever() => Task.Delay(Timeout.Infinite, TestContext.Current.CancellationToken);
}
