using System.Net;
using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Http.Features;

namespace TimingProxy.Tests.Functional;

/// <summary>Nothing is held back: each piece of a body goes on when it comes, in both directions and at once.</summary>
[Collection(nameof(RunsAlone))]
public sealed class StreamingTests
{
    /// <summary>What is held back would be waited for without end.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("Content-Length: 4", "ab", "cd", "")]
    [InlineData("Transfer-Encoding: chunked", "2\r\nab\r\n", "2\r\ncd\r\n", "0\r\n\r\n")]
    public async Task Upload_EachPiece_ReachesTheAppWhenItIsSent(string framing, string first, string second, string end)
    {
        var got = new SemaphoreSlim(0);
        var received = new StringBuilder();
        await using var backend = await Backend.StartAsync(async context =>
        {
            byte[] buffer = new byte[64];
            int count;
            while ((count = await context.Request.Body.ReadAsync(buffer, context.RequestAborted)) > 0)
            {
                received.Append(Encoding.ASCII.GetString(buffer, 0, count));
                got.Release();
            }
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        await using var client = await proxy.ConnectAsync();

        await client.SendAsync($"PUT / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{first}");
        Assert.True(await got.WaitAsync(Patience, Cancelled));
        Assert.Equal("ab", received.ToString());
        await client.SendAsync(second + end);

        Assert.Equal(200, (await client.ReceiveAsync()).Status);
        Assert.Equal("abcd", received.ToString());
    }

    [Fact]
    public async Task Stream_OfHttp2_GoesBothWaysAtOnce()
    {
        await using var backend = await Backend.StartAsync(
            async context =>
            {
                await context.Response.Body.FlushAsync();
                using var reader = new StreamReader(context.Request.Body);
                while (await reader.ReadLineAsync(context.RequestAborted) is { } line)
                {
                    await context.Response.WriteAsync($"{line}!\n");
                    await context.Response.Body.FlushAsync();
                }

                context.Response.AppendTrailer("grpc-status", "0");
            },
            Backend.ListenHttp2);
        await using var proxy = await ProxyHarness.StartAsync($"h2c://127.0.0.1:{backend.Address.Port}", "Upstream:Timeout=1s");
        using var client = proxy.Client(version: 2);
        var upload = new ManualContent();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/")
        {
            Content = upload,
            Version = client.DefaultRequestVersion,
            VersionPolicy = client.DefaultVersionPolicy,
        };

        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancelled);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(Cancelled));
        var stream = await upload.Stream.Task.WaitAsync(Patience, Cancelled);
        foreach (string line in (string[])["one", "two", "three"])
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes(line + "\n"), Cancelled);
            await stream.FlushAsync(Cancelled);
            Assert.Equal(line + "!", await reader.ReadLineAsync(Cancelled).AsTask().WaitAsync(Patience, Cancelled));
        }

        upload.Finish();
        Assert.Null(await reader.ReadLineAsync(Cancelled));
        Assert.Equal("0", Assert.Single(response.TrailingHeaders.GetValues("grpc-status")));
        var figures = await proxy.NextAsync();
        Assert.Null(figures.ErrorType);
        Assert.Equal(figures.UpstreamText, Assert.Single(response.Headers.GetValues("X-Render-MS")));
    }

    [Fact]
    public async Task Http2_TeTrailers_ReachesTheApp()
    {
        await using var backend = await Backend.StartAsync(
            context => context.Response.WriteAsync(context.Request.Headers.TE.ToString()), Backend.ListenHttp2);
        await using var proxy = await ProxyHarness.StartAsync($"h2c://127.0.0.1:{backend.Address.Port}");
        using var client = proxy.Client(version: 2);
        client.DefaultRequestHeaders.TE.ParseAdd("trailers");

        Assert.Equal("trailers", await client.GetStringAsync("/", Cancelled));
    }

    [Fact]
    public async Task Trailers_ToAnHttp11Client_AreDroppedWithTheirAnnouncement()
    {
        await using var backend = new RecordingBackend(
            "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n");
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        var answer = await proxy.GetAsync();

        Assert.Equal("ok", answer.Body);
        Assert.Null(answer.Value("Trailer"));
    }

    [Fact]
    public async Task Trailers_OfARequest_AreDroppedWithTheirAnnouncement()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        var answer = await proxy.AskAsync(
            "POST / HTTP/1.1\r\nHost: a\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n");

        Assert.Equal(200, answer.Status);
        var (head, body) = await backend.NextAsync();
        Assert.Equal("ok", body);
        Assert.Null(head.Value("Trailer"));
    }

    [Fact]
    public async Task Trailers_OfAnHttp11App_PassToAnHttp2Client()
    {
        await using var backend = new RecordingBackend(
            "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n");
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        using var client = proxy.Client(version: 2);

        using var response = await client.GetAsync("/", Cancelled);

        Assert.Equal("ok", await response.Content.ReadAsStringAsync(Cancelled));
        Assert.Equal("1", Assert.Single(response.TrailingHeaders.GetValues("X-Sum")));
    }

    [Fact]
    public async Task Chunk_MalformedInTheMiddle_RequestOfTheAppIsAborted()
    {
        var got = new TaskCompletionSource();
        var end = new TaskCompletionSource<Exception?>();
        await using var backend = await Backend.StartAsync(async context =>
        {
            try
            {
                byte[] buffer = new byte[64];
                while (await context.Request.Body.ReadAsync(buffer) > 0)
                {
                    got.TrySetResult();
                }

                end.SetResult(null);
            }
            catch (Exception error)
            {
                end.SetResult(error);
                throw;
            }
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        await using var client = await proxy.ConnectAsync();
        await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n");
        await got.Task.WaitAsync(Patience, Cancelled);

        await client.SendAsync("zz\r\nno\r\n0\r\n\r\n");

        Assert.NotNull(await end.Task.WaitAsync(Patience, Cancelled));
        Assert.Equal(400, (await client.ReceiveAsync()).Status);
        Assert.True(await client.EndsAsync());
        Assert.Equal("bad_request", (await proxy.NextAsync()).ErrorType);
    }

    [Fact]
    public async Task Connection_RequestsOneAfterAnother_AreAllServedOnIt()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        await using var client = await proxy.ConnectAsync();

        for (int i = 0; i < 3; i++)
        {
            await client.SendAsync($"POST /{i} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok");
            var answer = await client.ReceiveAsync();
            Assert.Equal((200, "hello"), (answer.Status, answer.Body));
            Assert.Null(answer.Value("Connection"));
        }
    }

    [Fact]
    public async Task Connection_RequestsAtOnce_AreAnsweredInTheirOrder()
    {
        await using var backend = await Backend.StartAsync(context => context.Response.WriteAsync(context.Request.Path.Value!));
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        await using var client = await proxy.ConnectAsync();

        await client.SendAsync(string.Concat(Enumerable.Range(0, 10).Select(i => $"GET /{i} HTTP/1.1\r\nHost: a\r\n\r\n")));

        for (int i = 0; i < 10; i++)
        {
            var answer = await client.ReceiveAsync();
            Assert.Equal($"/{i}", answer.Body);
            Assert.Equal((await proxy.NextAsync()).UpstreamText, answer.Value("X-Render-MS"));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task WebSocket_OfEitherVersion_Echoes(int version)
    {
        await using var backend = await EchoAsync();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        using var socket = new ClientWebSocket();
        socket.Options.HttpVersion = new Version(version, version == 1 ? 1 : 0);
        socket.Options.HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        using var invoker = new HttpMessageInvoker(new SocketsHttpHandler { UseProxy = false });

        await socket.ConnectAsync(new Uri($"ws://{proxy.Address.Authority}/ws"), invoker, Cancelled);
        byte[] buffer = new byte[64];
        foreach (string message in (string[])["one", "two"])
        {
            await socket.SendAsync(Encoding.ASCII.GetBytes(message), WebSocketMessageType.Text, endOfMessage: true, Cancelled);
            var received = await socket.ReceiveAsync(buffer, Cancelled);
            Assert.Equal(message, Encoding.ASCII.GetString(buffer, 0, received.Count));
        }

        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "bye", Cancelled);
        Assert.Equal(WebSocketCloseStatus.NormalClosure, socket.CloseStatus);
        var figures = await proxy.NextAsync();
        Assert.True(figures.IsUpgraded);
        Assert.Null(figures.ErrorType);
        await proxy.UntilAsync(() => proxy.Services.GetRequiredService<TimingProxy.Timing.ClusterLoads>().Of("upstream").UpgradedConnections == 0);
    }

    private static Task<Backend> EchoAsync() => Backend.StartAsync(async context =>
    {
        string key = context.Request.Headers.SecWebSocketKey!;
#pragma warning disable CA5350 // RFC 6455 asks for SHA-1.
        byte[] accept = System.Security.Cryptography.SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
#pragma warning restore CA5350
        context.Response.Headers.Upgrade = "websocket";
        context.Response.Headers.Connection = "Upgrade";
        context.Response.Headers.SecWebSocketAccept = Convert.ToBase64String(accept);
        var stream = await context.Features.Get<IHttpUpgradeFeature>()!.UpgradeAsync();
        using var socket = WebSocket.CreateFromStream(stream, new WebSocketCreationOptions { IsServer = true });
        byte[] buffer = new byte[64];
        while (true)
        {
            var received = await socket.ReceiveAsync(buffer, Cancelled);
            if (received.MessageType == WebSocketMessageType.Close)
            {
                await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "", Cancelled);
                return;
            }

            await socket.SendAsync(buffer.AsMemory(0, received.Count), WebSocketMessageType.Text, endOfMessage: true, Cancelled);
        }
    });

    /// <summary>A request body that the test writes, piece by piece.</summary>
    private sealed class ManualContent : HttpContent
    {
        private readonly TaskCompletionSource _finished = new();

        public TaskCompletionSource<Stream> Stream { get; } = new();

        public void Finish() => _finished.SetResult();

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            // The headers go out with the first flush.
            await stream.FlushAsync();
            Stream.SetResult(stream);
            await _finished.Task;
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
