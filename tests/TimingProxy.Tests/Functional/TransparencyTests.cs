namespace TimingProxy.Tests.Functional;

/// <summary>What the app sees is what the client sent, and the other way round.</summary>
[Collection(nameof(RunsAlone))]
public sealed class TransparencyTests
{
    [Theory]
    [InlineData("/")]
    [InlineData("/a%2Fb/%2e%2e/c%20d?x=%2F&y=a+b&empty=")]
    [InlineData("//double//slash")]
    [InlineData("/./dot/../dots/.")]
    [InlineData("/?")]
    [InlineData("/a?b?c#")]
    [InlineData("/%E4%F6?latin=%FC")]
    [InlineData("/|pipe\"quote<>^`{}\\")]
    [InlineData("/%zz")]
    public async Task Target_AsReceived_ReachesTheApp(string target)
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        var answer = await proxy.GetAsync(target);

        Assert.Equal(200, answer.Status);
        Assert.Equal($"GET {target} HTTP/1.1", (await backend.NextAsync()).Head.StartLine);
    }

    [Fact]
    public async Task Target_Absolute_IsSentInOriginFormWithItsHost()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        var answer = await proxy.AskAsync("GET http://app.example:81/a%2Fb?q HTTP/1.1\r\nHost: app.example:81\r\n\r\n");

        Assert.Equal(200, answer.Status);
        var (head, _) = await backend.NextAsync();
        Assert.Equal("GET /a%2Fb?q HTTP/1.1", head.StartLine);
        Assert.Equal("app.example:81", Assert.Single(head.Values("Host")));
    }

    [Fact]
    public async Task Target_Of16Kilobytes_ReachesTheApp()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        string target = "/" + new string('x', 16 * 1024);

        Assert.Equal(200, (await proxy.GetAsync(target)).Status);
        Assert.Equal($"GET {target} HTTP/1.1", (await backend.NextAsync()).Head.StartLine);
    }

    [Fact]
    public async Task Target_OfAnUpstreamWithAPath_IsBelowIt()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync($"{backend.Address}base/");

        await proxy.GetAsync("/a%2Fb");

        Assert.Equal("GET /base/a%2Fb HTTP/1.1", (await backend.NextAsync()).Head.StartLine);
    }

    [Theory]
    [InlineData("POST")]
    [InlineData("PROPFIND")]
    [InlineData("OPTIONS")]
    public async Task Method_AsReceived_ReachesTheApp(string method)
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        await proxy.GetAsync(method: method, headers: "Content-Length: 0\r\n");

        Assert.Equal($"{method} / HTTP/1.1", (await backend.NextAsync()).Head.StartLine);
    }

    [Theory]
    [InlineData("caf\u00e9 \u00ff")]
    [InlineData("\u00c3\u00bc\u00e2\u0082\u00ac")]
    [InlineData("tab\tand  spaces")]
    [InlineData("\"quoted, \\\" comma\"; a=b")]
    public async Task HeaderBytes_BothWays_AreKept(string value)
    {
        await using var backend = new RecordingBackend($"HTTP/1.1 200 OK\r\nX-Bytes: {value}\r\nContent-Length: 2\r\n\r\nok");
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        var answer = await proxy.GetAsync(headers: $"X-Bytes: {value}\r\n");

        Assert.Equal(value, (await backend.NextAsync()).Head.Value("X-Bytes"));
        Assert.Equal(value, answer.Value("X-Bytes"));
    }

    [Fact]
    public async Task Request_NothingIsAddedAndOnlyHopByHopHeadersAreRemoved()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        const string Trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

        await proxy.GetAsync(headers:
            "Cookie: a=b; c=d\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nForwarded: for=203.0.113.9\r\n"
            + $"traceparent: {Trace}\r\ntracestate: x=y\r\nX-Empty:\r\nConnection: keep-alive\r\nTE: trailers\r\nKeep-Alive: 5\r\n"
            + "Proxy-Connection: keep-alive\r\nAuthorization: Basic abc\r\nExpect-CT: x\r\nUser-Agent: t\r\nAccept-Encoding: br\r\nVia: 1.0 edge\r\n");

        var (head, _) = await backend.NextAsync();
        string[] names = [.. head.Headers.Select(header => header.Name.ToUpperInvariant()).Order(StringComparer.Ordinal)];
        Assert.Equal(
            [
                "ACCEPT-ENCODING", "AUTHORIZATION", "COOKIE", "EXPECT-CT", "FORWARDED", "HOST", "TRACEPARENT", "TRACESTATE", "USER-AGENT", "VIA",
                "X-EMPTY", "X-FORWARDED-FOR", "X-FORWARDED-PROTO",
            ],
            names);
        Assert.Equal("app.example", head.Value("Host"));
        Assert.Equal(Trace, head.Value("traceparent"));
        Assert.Equal("203.0.113.9", head.Value("X-Forwarded-For"));
        Assert.Equal("a=b; c=d", head.Value("Cookie"));
    }

    [Fact]
    public async Task Response_OnlyTheStampIsAdded()
    {
        await using var backend = new RecordingBackend(
            "HTTP/1.1 200 OK\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nSet-Cookie: a=b; Path=/\r\nSet-Cookie: c=d\r\nETag: \"x\"\r\n"
            + "X-Twice: 1\r\nX-Twice: 2\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nContent-Length: 2\r\n\r\nok");
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        var answer = await proxy.GetAsync();

        string[] names = [.. answer.Head.Headers.Select(header => header.Name.ToUpperInvariant()).Order(StringComparer.Ordinal)];
        Assert.Equal(["CONTENT-LENGTH", "DATE", "ETAG", "SET-COOKIE", "SET-COOKIE", "X-RENDER-MS", "X-TWICE", "X-TWICE"], names);
        Assert.Equal("Mon, 01 Jan 2024 00:00:00 GMT", answer.Value("Date"));
        Assert.Equal(["a=b; Path=/", "c=d"], answer.Head.Values("Set-Cookie"));
        Assert.Equal("ok", answer.Body);
    }

    [Fact]
    public async Task Connection_HeadersItNames_EndHere()
    {
        await using var backend = new RecordingBackend(
            "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nX-Stays: 1\r\nContent-Length: 2\r\n\r\nok");
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        var answer = await proxy.AskAsync(
            "POST / HTTP/1.1\r\nHost: a\r\nConnection: X-Hop , Host,Content-Length\r\nX-Hop: 1\r\nX-Stays: 1\r\nContent-Length: 2\r\n\r\nok");

        var (head, body) = await backend.NextAsync();
        Assert.Null(head.Value("X-Hop"));
        Assert.Equal(("1", "a", "ok"), (head.Value("X-Stays"), head.Value("Host"), body));
        Assert.Null(answer.Value("X-Hop"));
        Assert.Equal(("1", "ok"), (answer.Value("X-Stays"), answer.Body));
        _ = answer.RenderMs;
    }

    [Fact]
    public async Task Method_KnownOneInSmallLetters_IsWrittenInCapitals()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        await proxy.GetAsync(method: "get");

        Assert.Equal("GET / HTTP/1.1", (await backend.NextAsync()).Head.StartLine);
    }

    [Theory]
    [InlineData("200 All is well", 200, "All is well")]
    [InlineData("404 Gone fishing", 404, "Gone fishing")]
    [InlineData("299 Odd", 299, "Odd")]
    [InlineData("599 Odder", 599, "Odder")]
    public async Task Status_AndReason_AreTheApps(string line, int status, string reason)
    {
        await using var backend = new RecordingBackend($"HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n");
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        var answer = await proxy.GetAsync();

        Assert.Equal((status, reason), (answer.Status, answer.Reason));
    }

    [Fact]
    public async Task Headers_TwoHundredOfThem_PassBothWays()
    {
        string many = string.Concat(Enumerable.Range(0, 200).Select(i => $"X-H{i}: {i}\r\n"));
        await using var backend = new RecordingBackend($"HTTP/1.1 200 OK\r\n{many}Content-Length: 2\r\n\r\nok");
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        var answer = await proxy.GetAsync(headers: many);

        Assert.Equal(200, (await backend.NextAsync()).Head.Headers.Count(header => header.Name.StartsWith("X-H", StringComparison.OrdinalIgnoreCase)));
        Assert.Equal(200, answer.Head.Headers.Count(header => header.Name.StartsWith("X-H", StringComparison.OrdinalIgnoreCase)));
    }

    [Fact]
    public async Task Headers_ThatOnlySeemToBeOfOneHop_PassBothWays()
    {
        await using var backend = new RecordingBackend(
            "HTTP/1.1 200 OK\r\nAlt-Svc: h3=\":443\"\r\nProxy-Authenticate: Basic\r\nProxy-Authenticate: Bearer\r\nProxy-Authentication-Info: a\r\nContent-Length: 2\r\n\r\nok");
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        var answer = await proxy.GetAsync(headers: "Upgrade-Insecure-Requests: 1\r\nProxy-Authorization: Basic eA==\r\n");

        var (head, _) = await backend.NextAsync();
        Assert.Equal(["1"], head.Values("Upgrade-Insecure-Requests"));
        Assert.Equal(["Basic eA=="], head.Values("Proxy-Authorization"));
        Assert.Equal(["h3=\":443\""], answer.Head.Values("Alt-Svc"));
        Assert.Equal(["Basic", "Bearer"], answer.Head.Values("Proxy-Authenticate"));
        Assert.Equal(["a"], answer.Head.Values("Proxy-Authentication-Info"));
    }

    [Fact]
    public async Task Http10_Client_IsAnswered()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        var answer = await proxy.AskAsync("GET /old HTTP/1.0\r\nHost: a\r\n\r\n");

        Assert.Equal((200, "hello"), (answer.Status, answer.Body));
        Assert.Equal("GET /old HTTP/1.1", (await backend.NextAsync()).Head.StartLine);
    }

    [Fact]
    public async Task ExpectContinue_BodyIsSentAfterThe100()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        await using var client = await proxy.ConnectAsync();

        await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
        Assert.Equal(100, (await client.ReadHeadAsync()).Status);
        await client.SendAsync("body");

        Assert.Equal(200, (await client.ReceiveAsync()).Status);
        Assert.Equal("body", (await backend.NextAsync()).Body);
    }

    [Fact]
    public async Task Chunked_BothWays_IsKept()
    {
        await using var backend = new RecordingBackend("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        string bytes = string.Concat(Enumerable.Range(0, 256).Select(i => (char)i));

        var answer = await proxy.AskAsync($"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n100\r\n{bytes}\r\n0\r\n\r\n");

        Assert.Equal("abcde", answer.Body);
        Assert.Equal("chunked", answer.Value("Transfer-Encoding"));
        var (head, body) = await backend.NextAsync();
        Assert.Equal(bytes, body);
        Assert.Equal("chunked", head.Value("Transfer-Encoding"));
        Assert.Null(head.Value("Content-Length"));
    }

    [Fact]
    public async Task Events_HeadersAndEachEvent_ComeWhenTheyAreSent()
    {
        var steps = new SemaphoreSlim(0);
        await using var backend = await Backend.StartAsync(async context =>
        {
            context.Response.ContentType = "text/event-stream";
            await context.Response.Body.FlushAsync();
            for (int i = 0; i < 3; i++)
            {
                await steps.WaitAsync(TestContext.Current.CancellationToken);
                await context.Response.WriteAsync($"data: {i}\n\n");
                await context.Response.Body.FlushAsync();
            }
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        using var client = proxy.Client(version: 1);

        using var response = await client.GetAsync("/", HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        Assert.True(response.Headers.Contains("X-Render-MS"));
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        for (int i = 0; i < 3; i++)
        {
            steps.Release();
            Assert.Equal($"data: {i}", await reader.ReadLineAsync(TestContext.Current.CancellationToken));
            Assert.Equal("", await reader.ReadLineAsync(TestContext.Current.CancellationToken));
        }

        Assert.Null(await reader.ReadLineAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task OnePlainPort_SpeaksHttp11AndHttp2(int version)
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        using var client = proxy.Client(version);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/a%2Fb")
        {
            Content = new StringContent("body"),
            Version = client.DefaultRequestVersion,
            VersionPolicy = client.DefaultVersionPolicy,
        };
        request.Headers.Host = "app.example";

        using var response = await client.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal(version, response.Version.Major);
        Assert.Equal("hello", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        var (head, body) = await backend.NextAsync();
        Assert.Equal("POST /a%2Fb HTTP/1.1", head.StartLine);
        Assert.Equal("app.example", Assert.Single(head.Values("Host")));
        Assert.Equal("body", body);
    }

    [Fact]
    public async Task Http2Upstream_InTheClear_IsSpokenTo()
    {
        await using var backend = await Backend.StartAsync(
            context => context.Response.WriteAsync($"{context.Request.Protocol} {context.Request.Host} {context.Request.Path}"), Backend.ListenHttp2);
        await using var proxy = await ProxyHarness.StartAsync($"h2c://127.0.0.1:{backend.Address.Port}");

        Assert.Equal("HTTP/2 app.example /x", (await proxy.GetAsync("/x")).Body);
    }

    [Fact]
    public async Task UnixUpstream_IsSpokenToWithTheClientsHost()
    {
        string folder = Directory.CreateTempSubdirectory("timingproxy-").FullName;
        string path = Path.Combine(folder, "app.sock");
        await using var backend = await Backend.StartAsync(
            context => context.Response.WriteAsync(context.Request.Host.Value!), kestrel => kestrel.ListenUnixSocket(path));
        await using var proxy = await ProxyHarness.StartAsync($"unix:{path}");

        Assert.Equal("app.example", (await proxy.GetAsync()).Body);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task LargeBodies_BothWays_AreTheSameBytes()
    {
        byte[] bytes = new byte[20 * 1024 * 1024];
        new Random(1).NextBytes(bytes);
        await using var backend = await Backend.StartAsync(async context =>
        {
            var received = new MemoryStream();
            await context.Request.Body.CopyToAsync(received, context.RequestAborted);
            context.Response.ContentLength = received.Length;
            await context.Response.Body.WriteAsync(received.GetBuffer().AsMemory(0, (int)received.Length), context.RequestAborted);
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        using var client = proxy.Client(version: 1);

        using var response = await client.PostAsync("/", new ByteArrayContent(bytes), TestContext.Current.CancellationToken);

        Assert.Equal(bytes, await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
    }
}
