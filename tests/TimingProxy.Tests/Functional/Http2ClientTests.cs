namespace TimingProxy.Tests.Functional;

/// <summary>Failures and limits as HTTP/2 clients meet them: a stream ends, the connection lives.</summary>
[Collection(nameof(RunsAlone))]
public sealed class Http2ClientTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Stream_ClientCancels_UpstreamIsCancelledAndOthersAreNot()
    {
        var arrived = new TaskCompletionSource();
        var cancelled = new TaskCompletionSource();
        await using var backend = await Backend.StartAsync(async context =>
        {
            if (context.Request.Path == "/slow")
            {
                context.RequestAborted.Register(cancelled.SetResult);
                arrived.SetResult();
                await cancelled.Task;
            }
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        using var client = proxy.Client(version: 2);
        using var impatience = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        var slow = client.GetAsync("/slow", impatience.Token);
        await arrived.Task.WaitAsync(Cancelled);

        await impatience.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => slow);
        await cancelled.Task.WaitAsync(Cancelled);
        Assert.Equal("client_abort", (await proxy.NextAsync()).ErrorType);
        using var next = await client.GetAsync("/next", Cancelled);
        Assert.True(next.IsSuccessStatusCode);
        Assert.DoesNotContain(proxy.Log, line => line.Level >= LogLevel.Warning);
    }

    [Fact]
    public async Task Stream_UpstreamDiesInTheBody_IsResetAndTheConnectionLives()
    {
        await using var backend = new RawBackend(async wire =>
        {
            var head = await wire.ReadHeadAsync();
            await wire.SendAsync(head.StartLine.Contains("/dies", StringComparison.Ordinal)
                ? "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly so much"
                : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        using var client = proxy.Client(version: 2);

        await Assert.ThrowsAnyAsync<HttpRequestException>(() => client.GetStringAsync("/dies", Cancelled));

        Assert.Equal("body", (await proxy.NextAsync()).ErrorType);
        Assert.Equal("ok", await client.GetStringAsync("/next", Cancelled));
    }

    [Fact]
    public async Task Failure_OfTheUpstream_IsAnsweredLikeOnHttp11()
    {
        await using var proxy = await ProxyHarness.StartAsync(RawBackend.Nobody());
        using var client = proxy.Client(version: 2);

        using var response = await client.GetAsync("/", Cancelled);

        Assert.Equal(502, (int)response.StatusCode);
        Assert.Equal("502 Bad Gateway: connect\n", await response.Content.ReadAsStringAsync(Cancelled));
        Assert.Equal((await proxy.NextAsync()).UpstreamText, Assert.Single(response.Headers.GetValues("X-Render-MS")));
    }

    [Fact]
    public async Task Streams_ManyAtOnce_AreEachTimedForThemselves()
    {
        await using var backend = await Backend.StartAsync(async context =>
        {
            await Task.Delay(context.Request.Path == "/slow" ? 1000 : 20, Cancelled);
            await context.Response.WriteAsync("ok");
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        using var client = proxy.Client(version: 2);

        var slow = client.GetAsync("/slow", Cancelled);
        var quick = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => client.GetAsync("/quick", Cancelled)));

        Assert.All(quick, response => Assert.InRange(RenderMs(response), 15, 900));
        Assert.InRange(RenderMs(await slow), 995, 5000);
    }

    [Fact]
    public async Task Response_ConnectionHeadersOfTheApp_EndAtTheProxy()
    {
        await using var backend = new RecordingBackend(
            "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nProxy-Connection: x\r\nContent-Length: 2\r\n\r\nok");
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        using var client = proxy.Client(version: 2);

        using var response = await client.GetAsync("/", Cancelled);

        Assert.Equal("ok", await response.Content.ReadAsStringAsync(Cancelled));
        Assert.False(response.Headers.Contains("Connection"));
        Assert.False(response.Headers.Contains("Keep-Alive"));
    }

    [Fact]
    public async Task Upload_ClientSendsSlowly_IsNotUpstreamTime()
    {
        await using var backend = await Backend.StartAsync(async context =>
        {
            using var reader = new StreamReader(context.Request.Body);
            await context.Response.WriteAsync(await reader.ReadToEndAsync(Cancelled));
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address, "Upstream:Timeout=800ms");
        using var client = proxy.Client(version: 2);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/")
        {
            Content = new SlowContent(),
            Version = client.DefaultRequestVersion,
            VersionPolicy = client.DefaultVersionPolicy,
        };

        using var response = await client.SendAsync(request, Cancelled);

        Assert.Equal("abcd", await response.Content.ReadAsStringAsync(Cancelled));
        var figures = await proxy.NextAsync();
        Assert.InRange(figures.Upload, 1100, 5000);
        Assert.InRange(figures.Upstream, 0, 700);
    }

    private static double RenderMs(HttpResponseMessage response) => double.Parse(
        Assert.Single(response.Headers.GetValues("X-Render-MS")), System.Globalization.CultureInfo.InvariantCulture);

    private sealed class SlowContent : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, System.Net.TransportContext? context)
        {
            foreach (byte[] piece in (byte[][])["ab"u8.ToArray(), "cd"u8.ToArray()])
            {
                await stream.WriteAsync(piece, Cancelled);
                await stream.FlushAsync(Cancelled);
                await Task.Delay(600, Cancelled);
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
