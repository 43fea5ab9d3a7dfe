using System.Net;
using Microsoft.Extensions.Logging;

namespace TimingProxy.Tests.Functional;

/// <summary>Upstreams that answer what they should not: nothing of it may mislead a client, or the next request.</summary>
[Collection(nameof(RunsAlone))]
public sealed class HostileUpstreamTests
{
    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 4\r\n\r\nokok")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Bad: a\u0001b\r\n\r\nok")]
    [InlineData("HTTP/1.1 200 OK\r\nX Bad: a\r\nContent-Length: 2\r\n\r\nok")]
    [InlineData("HTTP/2 200 OK\r\nContent-Length: 2\r\n\r\nok")]
    [InlineData("HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok")]
    [InlineData("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\nunasked")]
    public async Task Head_NotLegal_Is502(string response)
    {
        await using var backend = RawBackend.Answering(response);
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        var answer = await proxy.GetAsync();

        var figures = await proxy.NextAsync();
        Assert.Equal((502, "502 Bad Gateway: other\n"), (answer.Status, answer.Body));
        Assert.Equal("other", figures.ErrorType);
        Assert.Equal(figures.UpstreamText, Assert.Single(answer.Head.Values("X-Render-MS")));
    }

    /// <summary>A 205 has none (RFC 9110 section 15.3.6), and the server passes none on.</summary>
    [Theory]
    [InlineData("Content-Length: 5\r\n\r\nhello", "", 1)]
    [InlineData("Content-Length: 5\r\n\r\n", "hello", 2)]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "", 1)]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "", 2)]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", 1)]
    [InlineData("Transfer-Encoding: chunked\r\n\r\nzz\r\n", "", 1)]
    [InlineData("\r\n", "hello", 2)]
    public async Task ResetContent_WithContent_Is502Other(string begin, string end, int version)
    {
        await using var backend = new RawBackend(async wire =>
        {
            await wire.ReadHeadAsync();
            await wire.SendAsync("HTTP/1.1 205 Reset Content\r\n" + begin);
            // Long enough for the head to be passed on by itself, if it were.
            await Task.Delay(end.Length == 0 ? 0 : 100, TestContext.Current.CancellationToken);
            await wire.SendAsync(end);
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        using var client = proxy.Client(version);

        using var answer = await client.GetAsync("/", TestContext.Current.CancellationToken);

        var figures = await proxy.NextAsync();
        Assert.Equal((502, "other", false), (figures.Status, figures.ErrorType, figures.HasResponse));
        Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
        Assert.Equal("502 Bad Gateway: other\n", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal([figures.UpstreamText], answer.Headers.GetValues("X-Render-MS"));
        Assert.Equal(1, (await proxy.ScrapeAsync()).Sum("timingproxy_request_failures_total", ("error_type", "other")));
        Assert.Single(proxy.Log, line => line.Level >= LogLevel.Warning);
    }

    [Theory]
    [InlineData("GET", "Content-Length: 0\r\n\r\n")]
    [InlineData("GET", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("GET", "\r\n")]
    [InlineData("HEAD", "\r\n")]
    public async Task ResetContent_WithoutContent_PassesOn(string method, string rest)
    {
        await using var backend = RawBackend.Answering("HTTP/1.1 205 Reset Content\r\n" + rest);
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        var answer = await proxy.GetAsync(headers: "Connection: close\r\n", method: method);

        Assert.Equal((205, ""), (answer.Status, answer.Body));
        Assert.Null((await proxy.NextAsync()).ErrorType);
    }

    [Fact]
    public async Task Headers_TooLarge_Is502()
    {
        string many = string.Concat(Enumerable.Range(0, 200).Select(i => $"X-{i}: {new string('v', 1000)}\r\n"));
        await using var backend = RawBackend.Answering($"HTTP/1.1 200 OK\r\n{many}Content-Length: 2\r\n\r\nok");
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        var answer = await proxy.GetAsync();

        Assert.Equal((502, "502 Bad Gateway: other\n"), (answer.Status, answer.Body));
    }

    [Fact]
    public async Task Headers_ThatNeverEnd_AreATimeout()
    {
        await using var backend = new RawBackend(async wire =>
        {
            await wire.ReadHeadAsync();
            await wire.SendAsync("HTTP/1.1 200 OK\r\n");
            for (int i = 0; ; i++)
            {
                await Task.Delay(20, TestContext.Current.CancellationToken);
                await wire.SendAsync("X-More: 1\r\n");
            }
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address, "Upstream:Timeout=200ms");

        Assert.Equal(504, (await proxy.GetAsync()).Status);
        Assert.Equal("timeout", (await proxy.NextAsync()).ErrorType);
    }

    [Fact]
    public async Task Lengths_BothKinds_ChunksWinAndThereIsNoOtherLength()
    {
        await using var backend = new RecordingBackend(
            "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        await using var client = await proxy.ConnectAsync();

        for (int i = 0; i < 2; i++)
        {
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            var answer = await client.ReceiveAsync();
            Assert.Equal("ok", answer.Body);
            Assert.Null(answer.Value("Content-Length"));
        }
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")]
    [InlineData("HTTP/1.1 304 Not Modified\r\n\r\n")]
    [InlineData("HTTP/1.1 204 No Content\r\n\r\n")]
    public async Task Answer_NobodyAskedFor_IsNotTheNextRequests(string asked)
    {
        await using var backend = new RawBackend(async wire =>
        {
            while (await wire.TryReadHeadAsync() is { } head)
            {
                bool isFirst = head.StartLine.Contains("/first", StringComparison.Ordinal);
                await wire.SendAsync(isFirst
                    ? asked + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
                    : "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nclean");
            }
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        await proxy.GetAsync("/first");

        Assert.Equal("clean", (await proxy.GetAsync("/second")).Body);
    }

    [Fact]
    public async Task Http2Upstream_ResetsBeforeHeaders_Is502Reset()
    {
        await using var backend = await Backend.StartAsync(
            context =>
            {
                if (context.Request.Path == "/next")
                {
                    return context.Response.WriteAsync("clean");
                }

                context.Abort();
                return Task.CompletedTask;
            },
            Backend.ListenHttp2);
        await using var proxy = await ProxyHarness.StartAsync($"h2c://127.0.0.1:{backend.Address.Port}");

        var answer = await proxy.GetAsync();

        Assert.Equal((502, "502 Bad Gateway: reset\n"), (answer.Status, answer.Body));
        Assert.Equal("reset", (await proxy.NextAsync()).ErrorType);
        Assert.Equal("clean", (await proxy.GetAsync("/next")).Body);
    }

    [Fact]
    public async Task Http2Upstream_ResetsInTheBody_TheClientsConnectionIsAborted()
    {
        var seen = new TaskCompletionSource();
        await using var backend = await Backend.StartAsync(
            async context =>
            {
                if (context.Request.Path == "/next")
                {
                    await context.Response.WriteAsync("clean");
                    return;
                }

                await context.Response.WriteAsync("only so much");
                await context.Response.Body.FlushAsync();
                await seen.Task;
                context.Abort();
            },
            Backend.ListenHttp2);
        await using var proxy = await ProxyHarness.StartAsync($"h2c://127.0.0.1:{backend.Address.Port}");
        await using var client = await proxy.ConnectAsync();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        var head = await client.ReadHeadAsync();
        seen.SetResult();

        await Assert.ThrowsAnyAsync<IOException>(() => client.ReadBodyAsync(head));

        Assert.Equal("body", (await proxy.NextAsync()).ErrorType);
        Assert.Equal("clean", (await proxy.GetAsync("/next")).Body);
    }

    [Fact]
    public async Task Body_FailsBeforeAnythingWasSent_IsStillA502()
    {
        await using var backend = RawBackend.Answering("HTTP/1.1 200 OK\r\nX-App: 1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        var answer = await proxy.GetAsync();

        var figures = await proxy.NextAsync();
        Assert.Equal((502, "502 Bad Gateway: body\n"), (answer.Status, answer.Body));
        Assert.Null(answer.Value("X-App"));
        Assert.Equal("body", figures.ErrorType);
        Assert.Equal(figures.UpstreamText, Assert.Single(answer.Head.Values("X-Render-MS")));
    }
}
