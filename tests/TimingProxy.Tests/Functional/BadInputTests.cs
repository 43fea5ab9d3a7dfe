using Microsoft.Extensions.Logging;

namespace TimingProxy.Tests.Functional;

/// <summary>What is refused never reaches the app, and is counted. The bytes themselves are in the corpus of hostile requests.</summary>
[Collection(nameof(RunsAlone))]
public sealed class BadInputTests
{
    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nX(A): x\r\n\r\n")]
    [InlineData("GET /a\rb HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n")]
    public async Task Head_Malformed_IsCountedAndNoErrorOfOurs(string request)
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        await using var client = await proxy.ConnectAsync();

        await client.SendAsync(request);

        Assert.Equal(400, (await client.ReceiveAsync()).Status);
        Assert.True(await client.EndsAsync());
        Assert.Equal(0, backend.Waiting);
        Assert.Equal(1, (await proxy.ScrapeAsync()).Sum("timingproxy_request_failures_total", ("error_type", "bad_request"), ("route", "default")));
        Assert.DoesNotContain(proxy.Log, line => line.Level >= LogLevel.Error);
    }

    [Fact]
    public async Task Target_TooLong_Is414()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        Assert.Equal(414, (await proxy.GetAsync("/" + new string('x', 34 * 1024))).Status);
        Assert.Equal(0, backend.Waiting);
    }

    [Theory]
    [InlineData(300, 10)]
    [InlineData(10, 8 * 1024)]
    public async Task Headers_TooManyOrTooLarge_Is431(int count, int size)
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        string headers = string.Concat(Enumerable.Range(0, count).Select(i => $"X-{i}: {new string('v', size)}\r\n"));

        Assert.Equal(431, (await proxy.GetAsync(headers: headers)).Status);
        Assert.Equal(0, backend.Waiting);
    }

    [Theory]
    [InlineData("zz\r\nabc\r\n")]
    [InlineData("3;ext\nabc\r\n")]
    public async Task Chunk_Malformed_IsCountedAsABadRequest(string chunk)
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address, "Logging:LogLevel:TimingProxy=Debug");
        await using var client = await proxy.ConnectAsync();

        await client.SendAsync($"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n{chunk}0\r\n\r\n");

        Assert.Equal(400, (await client.ReceiveAsync()).Status);
        var figures = await proxy.NextAsync();
        Assert.Equal("bad_request", figures.ErrorType);
        Assert.Equal(0, backend.Waiting);
        AssertIsNoLineOfTheLog(proxy, "Bad request: 400 to POST /");
    }

    [Fact]
    public async Task Body_LargerThanItsRouteTakes_IsNoLineOfTheLog()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(
            (string?)null,
            "ReverseProxy:Routes:all:ClusterId=app",
            "ReverseProxy:Routes:all:Match:Path={**all}",
            "ReverseProxy:Routes:all:MaxRequestBodySize=10",
            "Logging:LogLevel:TimingProxy=Debug",
            $"ReverseProxy:Clusters:app:Destinations:one:Address={backend.Address}");

        var answer = await proxy.AskAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world");

        Assert.Equal(413, answer.Status);
        Assert.Equal("bad_request", (await proxy.NextAsync()).ErrorType);
        Assert.Equal(1, (await proxy.ScrapeAsync()).Sum("timingproxy_request_failures_total", ("error_type", "bad_request")));
        AssertIsNoLineOfTheLog(proxy, "Bad request: 413 to POST /");
    }

    [Fact]
    public async Task Http2_BadlyFramed_DoesNotHarmTheProxy()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        await using (var client = await proxy.ConnectAsync())
        {
            await client.SendAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\ngarbage that is no frame at all, but long enough");
            while (!await client.EndsAsync())
            {
                // SETTINGS and GOAWAY, and then the end.
            }
        }

        Assert.Equal(200, (await proxy.GetAsync()).Status);
    }

    [Theory]
    [InlineData("P")]
    [InlineData("PR")]
    [InlineData("PUT")]
    public async Task Preface_ComesInPieces_IsStillTold(string first)
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        await using var client = await proxy.ConnectAsync();
        string request = $"{first}X / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";

        await client.SendAsync(request[..first.Length]);
        await client.SendAsync(request[first.Length..]);

        Assert.Equal(200, (await client.ReceiveAsync()).Status);
        Assert.Equal($"{first}X / HTTP/1.1", (await backend.NextAsync()).Head.StartLine);
    }

    /// <summary>What clients cause at will is said where somebody has asked for it: at Debug.</summary>
    private static void AssertIsNoLineOfTheLog(ProxyHarness proxy, string debugLine)
    {
        Assert.DoesNotContain(proxy.Log, line => line.Level >= LogLevel.Information && line.Text.Contains("POST", StringComparison.Ordinal));
        Assert.Single(proxy.Log, line => line.Level == LogLevel.Debug && line.Text.StartsWith(debugLine, StringComparison.Ordinal));
    }
}
