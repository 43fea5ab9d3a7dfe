namespace TimingProxy.Tests.Functional;

/// <summary>Unusual but legal messages, which pass as they are.</summary>
[Collection(nameof(RunsAlone))]
public sealed class TransparencyEdgeTests
{
    [Theory]
    [InlineData("/a;b=c;d/e")]
    [InlineData("/%C3%A9%E2%82%AC%F0%9F%98%80?%C3%A9")]
    [InlineData("/a/../b/")]
    [InlineData("/a?")]
    [InlineData("//")]
    [InlineData("/?a=/../%2e%2e//")]
    [InlineData("/%0d%0a%7f")]
    [InlineData("/:8080@host/[x]")]
    public async Task Target_Unusual_ReachesTheAppAsReceived(string target)
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        Assert.Equal(200, (await proxy.GetAsync(target)).Status);
        Assert.Equal($"GET {target} HTTP/1.1", (await backend.NextAsync()).Head.StartLine);
    }

    [Theory]
    [InlineData("http://app.example", "/")]
    [InlineData("http://app.example?q=%2F", "/?q=%2F")]
    [InlineData("http://app.example//a/./b", "//a/./b")]
    public async Task Target_Absolute_IsSentInOriginForm(string target, string expected)
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        Assert.Equal(200, (await proxy.GetAsync(target)).Status);
        Assert.Equal($"GET {expected} HTTP/1.1", (await backend.NextAsync()).Head.StartLine);
    }

    [Fact]
    public async Task Request_WithNothingButHost_HasNothingButHost()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        await proxy.GetAsync();

        Assert.Equal(("Host", "app.example"), Assert.Single((await backend.NextAsync()).Head.Headers));
    }

    [Fact]
    public async Task Request_OfHttp2_HasNothingAdded()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        using var client = proxy.Client(version: 2);

        await client.GetStringAsync("/", TestContext.Current.CancellationToken);

        Assert.Equal(("Host", proxy.Address.Authority), Assert.Single((await backend.NextAsync()).Head.Headers));
    }

    [Fact]
    public async Task Request_RepeatedHeaders_AreJoinedInTheirOrder()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        await proxy.GetAsync(headers: "X-Twice: b\r\nX-Other: x\r\nX-Twice: a\r\nAccept: text/html\r\nAccept: */*;q=0.1\r\n");

        var (head, _) = await backend.NextAsync();
        Assert.Equal("b, a", string.Join(", ", head.Values("X-Twice")));
        Assert.Equal("text/html, */*;q=0.1", string.Join(", ", head.Values("Accept")));
    }

    [Theory]
    [InlineData("X-Empty", "")]
    [InlineData("x_under_score", "1")]
    [InlineData("X!#$%&'*+.^`|~9", "odd name")]
    [InlineData("Accept-Language", "not, ;; a valid=== value")]
    [InlineData("If-Modified-Since", "yesterday")]
    [InlineData("Content-Language", "xx-invalid-")]
    [InlineData("Authorization", "Odd   spaced \"value")]
    [InlineData("User-Agent", "(broken; <agent")]
    [InlineData("Range", "bytes=0-,5")]
    [InlineData("Content-Type", "no type; at all")]
    [InlineData("Referer", "not a uri|")]
    public async Task RequestHeader_Unusual_ReachesTheApp(string name, string value)
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        var answer = await proxy.AskAsync($"POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 2\r\n{name}: {value}\r\n\r\nok");

        Assert.Equal(200, answer.Status);
        var (head, body) = await backend.NextAsync();
        var sent = Assert.Single(head.Headers, header => header.Name is not ("Host" or "Content-Length"));
        Assert.Equal(name, sent.Name, ignoreCase: true);
        Assert.Equal(value, sent.Value);
        Assert.Equal("ok", body);
    }

    [Theory]
    [InlineData("X-Empty", "")]
    [InlineData("Content-Type", "no type; at all")]
    [InlineData("Expires", "-1")]
    [InlineData("Last-Modified", "0")]
    [InlineData("Location", "/\u00e9 with spaces?<>")]
    [InlineData("ETag", "unquoted")]
    [InlineData("Cache-Control", "max-age=,,")]
    [InlineData("Set-Cookie", "a=\u00c3\u00a9; Path=/; HttpOnly; SameSite=Lax; Expires=Thu, 01 Jan 1970 00:00:00 GMT")]
    [InlineData("Content-Disposition", "attachment; filename=\"\u00fc.txt\"")]
    [InlineData("Server", "gunicorn")]
    [InlineData("Via", "1.1 inner")]
    public async Task ResponseHeader_Unusual_ReachesTheClient(string name, string value)
    {
        await using var backend = new RecordingBackend($"HTTP/1.1 200 OK\r\n{name}: {value}\r\nContent-Length: 2\r\n\r\nok");
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        var answer = await proxy.GetAsync();

        Assert.Equal((200, "ok"), (answer.Status, answer.Body));
        Assert.Equal(value, Assert.Single(answer.Head.Values(name)));
    }

    [Theory]
    [InlineData("GET", "Content-Length: 4\r\n\r\nbody")]
    [InlineData("DELETE", "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n")]
    public async Task Body_OfAMethodThatSeldomHasOne_ReachesTheApp(string method, string rest)
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        Assert.Equal(200, (await proxy.AskAsync($"{method} / HTTP/1.1\r\nHost: a\r\n{rest}")).Status);

        Assert.Equal("body", (await backend.NextAsync()).Body);
    }

    [Fact]
    public async Task Post_OfLength0_HasItsLength()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        await proxy.GetAsync(method: "POST", headers: "Content-Length: 0\r\n");

        Assert.Equal("0", (await backend.NextAsync()).Head.Value("Content-Length"));
    }

    [Fact]
    public async Task Head_Answered_HasTheLengthOfTheBodyThatIsNotThere()
    {
        await using var backend = new RecordingBackend("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nContent-Type: text/plain\r\n\r\n");
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        var answer = await proxy.GetAsync(method: "HEAD");

        Assert.Equal((200, "1234"), (answer.Status, answer.Value("Content-Length")));
        Assert.Null((await proxy.NextAsync()).ErrorType);
    }

    [Fact]
    public async Task Response_ThatEndsWithItsConnection_IsWhole()
    {
        await using var backend = RawBackend.Answering("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nall of it");
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        await using var client = await proxy.ConnectAsync();

        // The client's connection lives on: the end of the app's says nothing of it.
        for (int i = 0; i < 2; i++)
        {
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            Assert.Equal("all of it", (await client.ReceiveAsync()).Body);
            Assert.Null((await proxy.NextAsync()).ErrorType);
        }
    }

    [Theory]
    [InlineData("HTTP/1.1 200", 200)]
    [InlineData("HTTP/1.1 200 ", 200)]
    [InlineData("HTTP/1.1 799 Beyond", 799)]
    [InlineData("HTTP/1.1 999 Denied", 999)]
    public async Task Status_Unusual_ReachesTheClient(string line, int status)
    {
        await using var backend = new RecordingBackend($"{line}\r\nContent-Length: 2\r\n\r\nok");
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        var answer = await proxy.GetAsync();

        Assert.Equal((status, "ok"), (answer.Status, answer.Body));
    }

    [Theory]
    [InlineData(30)]
    [InlineData(60)]
    public async Task Headers_OfManyKilobytes_PassBothWays(int kilobytes)
    {
        string many = string.Concat(Enumerable.Range(0, kilobytes).Select(i => $"X-{i}: {new string('v', 1000)}\r\n"));
        await using var backend = new RecordingBackend($"HTTP/1.1 200 OK\r\n{many}Content-Length: 2\r\n\r\nok");
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        var answer = await proxy.GetAsync(headers: many);

        Assert.Equal(200, answer.Status);
        Assert.Equal(kilobytes, answer.Head.Headers.Count(header => header.Value.Length == 1000));
        Assert.Equal(kilobytes, (await backend.NextAsync()).Head.Headers.Count(header => header.Value.Length == 1000));
    }

    [Fact]
    public async Task ExpectContinue_AppRefuses_ClientGetsTheRefusal()
    {
        await using var backend = new RawBackend(async wire =>
        {
            await wire.ReadHeadAsync();
            await wire.SendAsync("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        var answer = await proxy.AskAsync("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n");

        Assert.Equal((413, "no"), (answer.Status, answer.Body));
    }

    [Fact]
    public async Task Http10_KeepAliveClient_IsServedTwice()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        await using var client = await proxy.ConnectAsync();

        for (int i = 0; i < 2; i++)
        {
            await client.SendAsync("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
            Assert.Equal("hello", (await client.ReceiveAsync()).Body);
        }
    }
}
