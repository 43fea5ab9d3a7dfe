using System.Globalization;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>One proxy with a short timeout before a backend whose manners each test sets.</summary>
public sealed class BrokenUpstream : IAsyncLifetime
{
    public RawBackend Backend { get; } = new(RawBackend.Answering("well"));

    public ProxyProcess Proxy { get; private set; } = null!;

    public async ValueTask InitializeAsync() =>
        Proxy = await ProxyProcess.InFrontOfAsync(Backend.Port, CancellationToken.None, ("UPSTREAM__TIMEOUT", "2s"));

    public async ValueTask DisposeAsync()
    {
        await Proxy.DisposeAsync();
        await Backend.DisposeAsync();
    }
}

/// <summary>A backend that is down or misbehaves: the right answer, the right count, and no harm to what comes after.</summary>
public sealed class BrokenUpstreamTests : IClassFixture<BrokenUpstream>
{
    private static readonly Dictionary<string, Behaviour> Manners = new()
    {
        ["resets"] = RawBackend.Reset,
        ["closes"] = RawBackend.Writing(""),
        ["talks garbage"] = RawBackend.Writing("this is no HTTP\r\n\r\n"),
        ["is silent"] = RawBackend.Silence,
        ["stops in its headers"] = RawBackend.Writing("HTTP/1.1 200 OK\r\nContent-Le"),
        ["dies in a counted body"] = RawBackend.Writing("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"),
        ["dies in a chunked body"] = RawBackend.Writing("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"),
    };

    private readonly BrokenUpstream _broken;

    /// <summary>Whatever the test before this one left behind is mended first.</summary>
    public BrokenUpstreamTests(BrokenUpstream broken)
    {
        _broken = broken;
        Recover();
    }

    [Theory]
    [InlineData("refuses", 502, "connect")]
    [InlineData("resets", 502, "reset")]
    [InlineData("closes", 502, "reset")]
    [InlineData("talks garbage", 502, "other")]
    [InlineData("stops in its headers", 502, "reset")]
    [InlineData("is silent", 504, "timeout")]
    public async Task Request_ToUpstreamThatFailsBeforeHeaders_IsAnsweredStampedAndCounted(string manners, int status, string errorType)
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var (backend, proxy) = (_broken.Backend, _broken.Proxy);
        await AssertWellAsync(cancellationToken);
        var before = await proxy.ScrapeAsync(cancellationToken);
        Misbehave(manners);

        var answer = await proxy.GetAsync("/", cancellationToken);

        Assert.Equal(status, answer.Status);
        Assert.StartsWith("text/plain", answer.Head.Value("Content-Type"), StringComparison.Ordinal);
        Assert.Contains(errorType, answer.Text, StringComparison.Ordinal);
        Assert.InRange(answer.Body.Length, 1, 200);
        Assert.DoesNotContain("127.0.0.1", answer.Text, StringComparison.Ordinal);
        Assert.DoesNotContain(backend.Port.ToString(CultureInfo.InvariantCulture), answer.Text, StringComparison.Ordinal);
        Assert.InRange(answer.RenderMs, status == 504 ? 1999 : 0, status == 504 ? 10_000 : 1500);
        await AssertCountedOnceAsync(before, errorType, cancellationToken);
        var inUpstreamHistogram = await UpstreamCountAsync(status, cancellationToken) - UpstreamCount(before, status);
        Assert.Equal(status == 504 ? 1 : 0, inUpstreamHistogram);

        Recover();
        await AssertWellAsync(cancellationToken);
    }

    [Theory]
    [InlineData("dies in a counted body")]
    [InlineData("dies in a chunked body")]
    public async Task Request_ToUpstreamThatDiesInTheBody_EndsUncleanAndIsCounted(string manners)
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var proxy = _broken.Proxy;
        await AssertWellAsync(cancellationToken);
        var before = await proxy.ScrapeAsync(cancellationToken);
        Misbehave(manners);

        await Assert.ThrowsAnyAsync<IOException>(() => proxy.GetAsync("/", cancellationToken));

        await AssertCountedOnceAsync(before, "body", cancellationToken);
        Recover();
        await AssertWellAsync(cancellationToken);
    }

    [Fact]
    public async Task Post_ToUpstreamThatResets_IsNeitherRetriedNorLost()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var (backend, proxy) = (_broken.Backend, _broken.Proxy);
        await AssertWellAsync(cancellationToken);
        var before = await proxy.ScrapeAsync(cancellationToken);
        var requests = backend.Requests;
        Misbehave("resets");

        var answer = await RawClient.OnceAsync(
            proxy.Port, "POST /pay HTTP/1.1\r\nHost: legacy.example\r\nContent-Length: 4\r\n\r\nbody", cancellationToken);

        Assert.Equal(502, answer.Status);
        Assert.True(answer.RenderMs >= 0);
        Assert.Equal(requests + 1, backend.Requests);
        await AssertCountedOnceAsync(before, "reset", cancellationToken);
        Recover();
        await AssertWellAsync(cancellationToken);
    }

    [Fact]
    public async Task Client_ThatGoesAway_IsCountedAndNoServerError()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var proxy = _broken.Proxy;
        await AssertWellAsync(cancellationToken);
        var before = await proxy.ScrapeAsync(cancellationToken);
        var requests = _broken.Backend.Requests;

        await using (var client = await RawClient.ConnectAsync(proxy.Port, cancellationToken))
        {
            await client.SendAsync(System.Text.Encoding.ASCII.GetBytes(RawClient.Get("/delay/1500")), cancellationToken);
            await Until.TrueAsync(() => Task.FromResult(_broken.Backend.Requests > requests), () => "The request never arrived.", cancellationToken);
        }

        await AssertCountedOnceAsync(before, "client_abort", cancellationToken);
        Assert.Equal(UpstreamCount(before, 502), await UpstreamCountAsync(502, cancellationToken));
        await AssertWellAsync(cancellationToken);
    }

    private void Misbehave(string manners)
    {
        if (manners == "refuses")
        {
            _broken.Backend.Refuse();
        }
        else
        {
            _broken.Backend.Behaviour = Manners[manners];
        }
    }

    /// <summary>The backend is restarted: old connections are gone, and it answers again.</summary>
    private void Recover()
    {
        _broken.Backend.Refuse();
        _broken.Backend.Behaviour = RawBackend.Answering("well");
        _broken.Backend.Listen();
    }

    private async Task AssertWellAsync(CancellationToken cancellationToken)
    {
        var answer = await _broken.Proxy.GetAsync("/", cancellationToken);
        Assert.True(answer.Status == 200, $"{answer.Head.StartLine}: {answer.Text}\n{_broken.Proxy.Process.Story}");
        Assert.Equal("well", answer.Text);
        Assert.True(answer.RenderMs >= 0);
    }

    private async Task AssertCountedOnceAsync(Scrape before, string errorType, CancellationToken cancellationToken)
    {
        const string failures = "timingproxy_request_failures_total";
        var all = before.Sum(failures) + 1;
        var after = await _broken.Proxy.ScrapeUntilAsync(s => s.Sum(failures) >= all, $"one more failure, {errorType}", cancellationToken);
        Assert.True(
            after.Sum(failures, ("error_type", errorType)) == before.Sum(failures, ("error_type", errorType)) + 1,
            $"Not counted as {errorType}:\n{after.Ours}");
        Assert.Equal(all, after.Sum(failures));
    }

    private static double UpstreamCount(Scrape scrape, int status) => scrape.Sum(
        "timingproxy_upstream_duration_seconds_count", ("http_response_status_code", status.ToString(CultureInfo.InvariantCulture)));

    private async Task<double> UpstreamCountAsync(int status, CancellationToken cancellationToken) =>
        UpstreamCount(await _broken.Proxy.ScrapeAsync(cancellationToken), status);
}
