using Microsoft.Extensions.Logging;

namespace TimingProxy.Tests.Functional;

/// <summary>Clients that leave: no failure of the app's, and nothing of theirs among its figures.</summary>
[Collection(nameof(RunsAlone))]
public sealed class ClientAbortTests
{
    [Fact]
    public async Task Client_GoesAway_UpstreamIsCancelledAndNothingIsAFailureOfTheApp()
    {
        var arrived = new TaskCompletionSource();
        var cancelled = new TaskCompletionSource();
        await using var backend = await Backend.StartAsync(async context =>
        {
            context.RequestAborted.Register(cancelled.SetResult);
            arrived.SetResult();
            await cancelled.Task;
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        var client = await proxy.ConnectAsync();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        await arrived.Task;

        await client.DisposeAsync();

        await cancelled.Task.WaitAsync(TestContext.Current.CancellationToken);
        var figures = await proxy.NextAsync();
        Assert.Equal("client_abort", figures.ErrorType);
        Assert.False(figures.HasResponse);
        var scrape = await proxy.ScrapeAsync();
        Assert.Equal(1, scrape.Sum("timingproxy_request_failures_total", ("error_type", "client_abort")));
        Assert.False(scrape.Has("timingproxy_upstream_duration_seconds_count"));
        Assert.False(scrape.Has("timingproxy_request_duration_seconds_count"));
        Assert.Equal(0, scrape.Sum("timingproxy_active_requests"));
        Assert.DoesNotContain(proxy.Log, line => line.Level >= LogLevel.Warning);
    }

    [Theory]
    [InlineData(true, "Content-Length: 10\r\n\r\n12345")]
    [InlineData(false, "Content-Length: 10\r\n\r\n12345")]
    [InlineData(true, "Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n")]
    [InlineData(false, "Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n")]
    public async Task Client_GoesAwayInTheUpload_IsAClientAbort(bool isReset, string request)
    {
        var arrived = new TaskCompletionSource();
        await using var backend = new RawBackend(async wire =>
        {
            var head = await wire.ReadHeadAsync();
            arrived.SetResult();
            await wire.ReadBodyAsync(head);
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        var client = await proxy.ConnectAsync();
        await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\n" + request);
        await arrived.Task;

        if (isReset)
        {
            client.Reset();
        }
        else
        {
            await client.DisposeAsync();
        }

        var figures = await proxy.NextAsync();
        Assert.True(figures.ErrorType == "client_abort", $"{figures}\n{string.Join('\n', proxy.Log)}");
    }

    [Fact]
    public async Task Client_GoesAwayInTheBody_IsAClientAbort()
    {
        await using var backend = await Backend.StartAsync(AnswerWithoutEndAsync);
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        var client = await proxy.ConnectAsync();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        await client.ReadHeadAsync();

        client.Reset();

        var figures = await proxy.NextAsync();
        Assert.Equal("client_abort", figures.ErrorType);
        Assert.True(figures.HasResponse);
        Assert.DoesNotContain(proxy.Log, line => line.Level >= LogLevel.Warning);
    }

    [Fact]
    public async Task Client_ResetsAStreamInTheBody_IsAClientAbort()
    {
        await using var backend = await Backend.StartAsync(AnswerWithoutEndAsync);
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        using var client = proxy.Client();
        var answer = await client.GetAsync("/", HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);

        answer.Dispose();

        var figures = await proxy.NextAsync();
        Assert.Equal("client_abort", figures.ErrorType);
        Assert.DoesNotContain(proxy.Log, line => line.Level >= LogLevel.Warning);
    }

    private static async Task AnswerWithoutEndAsync(HttpContext context)
    {
        byte[] piece = new byte[64 * 1024];
        while (!context.RequestAborted.IsCancellationRequested)
        {
            await context.Response.Body.WriteAsync(piece, context.RequestAborted);
        }
    }
}
