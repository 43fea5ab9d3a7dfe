using System.Globalization;

namespace TimingProxy.Tests.Functional;

/// <summary>Backends over HTTP/1.1 that have answered, and closed, before they were sent the whole of a request's body.</summary>
public sealed class EarlyAnswerTests
{
    private const int Pieces = 30;
    private const int PieceBytes = 100_000;
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    [Theory]
    [InlineData(true, false, false)]
    [InlineData(false, false, false)]
    [InlineData(true, true, false)]
    [InlineData(false, true, false)]
    [InlineData(false, false, true)]
    [InlineData(false, true, true)]
    public async Task Upload_BackendAnswersAndCloses_ClientGetsTheAnswer(bool isChunked, bool isOnUsedConnection, bool waitsForContinue)
    {
        await using var backend = new RawBackend(async wire =>
        {
            var head = await wire.ReadHeadAsync();
            if (head.StartLine.StartsWith("GET", StringComparison.Ordinal))
            {
                await wire.SendAsync(Ok);
                await wire.ReadHeadAsync();
            }

            if (waitsForContinue)
            {
                await wire.SendAsync("HTTP/1.1 100 Continue\r\n\r\n");
                await wire.ReadSomeAsync();
            }

            await wire.SendAsync("HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 7\r\n\r\ntoo big");
            // Until something has come that is left unread: closing is then a reset.
            await Task.Delay(100, TestContext.Current.CancellationToken);
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        if (isOnUsedConnection)
        {
            Assert.Equal(200, (await proxy.GetAsync()).Status);
            await proxy.NextAsync();
        }

        await using var client = await proxy.ConnectAsync();
        string framing = isChunked ? "Transfer-Encoding: chunked" : $"Content-Length: {Pieces * PieceBytes}";
        string expect = waitsForContinue ? "Expect: 100-continue\r\n" : "";
        await client.SendAsync($"POST / HTTP/1.1\r\nHost: a\r\n{expect}{framing}\r\n\r\n");
        if (waitsForContinue)
        {
            Assert.Equal(100, (await client.ReadHeadAsync()).Status);
        }

        for (int i = 0; i < Pieces; i++)
        {
            string piece = new('x', PieceBytes);
            await client.SendAsync(isChunked ? $"{PieceBytes.ToString("x", CultureInfo.InvariantCulture)}\r\n{piece}\r\n" : piece);
            // A client that takes its time: the backend is to be gone before the end.
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        if (isChunked)
        {
            await client.SendAsync("0\r\n\r\n");
        }

        var answer = await client.ReceiveAsync();
        var figures = await proxy.NextAsync();
        Assert.Equal((413, "too big"), (answer.Status, answer.Body));
        Assert.Null(figures.ErrorType);
        Assert.Equal(figures.UpstreamText, answer.Value("X-Render-MS"));
        Assert.False((await proxy.ScrapeAsync()).Has("timingproxy_request_failures_total"));
    }

    /// <summary>LOCK is not idempotent: an app that has read it and died must not be sent it again, whatever passed on its connection before.</summary>
    [Fact]
    public async Task NextRequest_AfterABodyThatWasAnsweredEarly_IsNotSentTwice()
    {
        int locks = 0;
        await using var backend = new RawBackend(async wire =>
        {
            while (await wire.TryReadHeadAsync() is { } head)
            {
                if (head.StartLine.StartsWith("LOCK", StringComparison.Ordinal))
                {
                    Interlocked.Increment(ref locks);
                    return;
                }

                await wire.SendAsync(Ok);
                await wire.ReadBodyAsync(head);
            }
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        // The connection is a used one, on which an answer is read as soon as it comes.
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        await using var client = await proxy.ConnectAsync();
        await client.SendAsync($"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {2 * PieceBytes}\r\n\r\n");
        await client.SendAsync(new byte[PieceBytes]);
        // For the proxy to read the answer, which it tells nobody while the body comes. Where it is later the test passes too, and shows less.
        await Task.Delay(50, TestContext.Current.CancellationToken);
        await client.SendAsync(new byte[PieceBytes]);
        Assert.Equal(200, (await client.ReceiveAsync()).Status);

        var answer = await proxy.AskAsync("LOCK / HTTP/1.1\r\nHost: a\r\n\r\n");

        Assert.Equal((502, 1), (answer.Status, locks));
    }

    [Fact]
    public async Task Upload_BackendClosesWithoutAnAnswer_IsAReset()
    {
        await using var backend = new RawBackend(async wire =>
        {
            await wire.ReadHeadAsync();
            await Task.Delay(100, TestContext.Current.CancellationToken);
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        await using var client = await proxy.ConnectAsync();

        await client.SendAsync($"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {Pieces * PieceBytes}\r\n\r\n");
        for (int i = 0; i < Pieces; i++)
        {
            await client.SendAsync(new byte[PieceBytes]);
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        Assert.Equal(502, (await client.ReceiveAsync()).Status);
        Assert.Equal("reset", (await proxy.NextAsync()).ErrorType);
    }
}
