using System.Globalization;

namespace TimingProxy.Tests.Functional;

/// <summary>Backends over HTTP/1.1 that have answered, and closed, before they were sent the whole of a request's body.</summary>
public sealed class EarlyAnswerTests
{
    private const int Pieces = 30;
    private const int PieceBytes = 100_000;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Upload_BackendAnswersAndCloses_ClientGetsTheAnswer(bool isChunked)
    {
        await using var backend = new RawBackend(async wire =>
        {
            await wire.ReadHeadAsync();
            await wire.SendAsync("HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 7\r\n\r\ntoo big");
            // Until something has come that is left unread: closing is then a reset.
            await Task.Delay(100, TestContext.Current.CancellationToken);
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        await using var client = await proxy.ConnectAsync();

        string framing = isChunked ? "Transfer-Encoding: chunked" : $"Content-Length: {Pieces * PieceBytes}";
        await client.SendAsync($"POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n");
        for (int i = 0; i < Pieces; i++)
        {
            string piece = new('x', PieceBytes);
            await client.SendAsync(isChunked ? $"{PieceBytes.ToString("x", CultureInfo.InvariantCulture)}\r\n{piece}\r\n" : piece);
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
