using System.Globalization;
using System.Text.RegularExpressions;

namespace TimingProxy.Tests.Functional;

/// <summary>The timing headers, as the settings say.</summary>
[Collection(nameof(RunsAlone))]
public sealed partial class HeaderTests
{
    private const string OwnTime = "HTTP/1.1 200 OK\r\nX-Render-MS: 99999.9\r\nX-Render-MS: 88888.8\r\nContent-Length: 2\r\n\r\nok";

    [Fact]
    public async Task RenderMs_AppHasItsOwn_IsReplaced()
    {
        await using var backend = new RecordingBackend(OwnTime);
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        Assert.InRange((await proxy.GetAsync()).RenderMs, 0, 1000);
    }

    [Fact]
    public async Task RenderMs_AppHasItsOwnAndExistingIsKeep_IsTheApps()
    {
        await using var backend = new RecordingBackend(OwnTime);
        await using var proxy = await ProxyHarness.StartAsync(backend.Address, "Headers:Existing=Keep");

        Assert.Equal(["99999.9", "88888.8"], (await proxy.GetAsync()).Head.Values("X-Render-MS"));
    }

    [Fact]
    public async Task RenderMs_ExistingIsKeepAndAppHasNone_IsOurs()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address, "Headers:Existing=Keep");

        Assert.InRange((await proxy.GetAsync()).RenderMs, 0, 1000);
    }

    [Fact]
    public async Task RenderMs_Renamed_HasTheOtherName()
    {
        await using var backend = new RecordingBackend(OwnTime);
        await using var proxy = await ProxyHarness.StartAsync(backend.Address, "Headers:Name=X-Upstream-Time");

        var answer = await proxy.GetAsync();

        Assert.Matches(@"^\d+\.\d$", Assert.Single(answer.Head.Values("X-Upstream-Time")));
        Assert.Equal(["99999.9", "88888.8"], answer.Head.Values("X-Render-MS"));
    }

    [Fact]
    public async Task RenderMs_NameOfTheRequestHeader_DoesNotReachTheStamp()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        var answer = await proxy.GetAsync(headers: "X-Render-MS: 7777.7\r\n");

        Assert.InRange(answer.RenderMs, 0, 1000);
        Assert.Equal("7777.7", (await backend.NextAsync()).Head.Value("X-Render-MS"));
    }

    [Theory]
    [InlineData("10.0.0.0/8;fd00::/8", false)]
    [InlineData("127.0.0.0/8", true)]
    [InlineData("127.0.0.1", true)]
    public async Task VisibleTo_CountsThePeerAndNeverAForwardedAddress(string networks, bool isVisible)
    {
        await using var backend = new RecordingBackend("HTTP/1.1 200 OK\r\nServer-Timing: db;dur=3\r\nContent-Length: 2\r\n\r\nok");
        await using var proxy = await ProxyHarness.StartAsync(backend.Address, $"Headers:VisibleTo={networks}", "Headers:ServerTiming=true");

        var answer = await proxy.GetAsync(headers: "X-Forwarded-For: 10.1.2.3\r\nForwarded: for=10.1.2.3\r\n");

        Assert.Equal(isVisible ? 1 : 0, answer.Head.Values("X-Render-MS").Count());
        string timings = string.Join(",", answer.Head.Values("Server-Timing"));
        Assert.Equal(isVisible, timings.Contains("upstream", StringComparison.Ordinal));
        Assert.Contains("db;dur=3", timings, StringComparison.Ordinal);
    }

    [Fact]
    public async Task VisibleTo_SomebodyElse_SeesNoneOnFailuresEither()
    {
        await using var proxy = await ProxyHarness.StartAsync(RawBackend.Nobody(), "Headers:VisibleTo=10.0.0.0/8");

        var answer = await proxy.GetAsync();

        Assert.Equal(502, answer.Status);
        Assert.Null(answer.Value("X-Render-MS"));
    }

    [Fact]
    public async Task ServerTiming_ByDefault_IsOff()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        Assert.Null((await proxy.GetAsync()).Value("Server-Timing"));
    }

    [Fact]
    public async Task ServerTiming_On_IsAppendedToTheAppsAndAgreesWithTheFigures()
    {
        await using var backend = new RecordingBackend("HTTP/1.1 200 OK\r\nServer-Timing: db;dur=3\r\nContent-Length: 2\r\n\r\nok");
        await using var proxy = await ProxyHarness.StartAsync(backend.Address, "Headers:ServerTiming=true");

        var answer = await proxy.GetAsync();

        var figures = await proxy.NextAsync();
        string[] values = [.. answer.Head.Values("Server-Timing")];
        Assert.Equal("db;dur=3", values[0]);
        var ours = Ours().Match(values[^1]);
        Assert.True(ours.Success, values[^1]);
        Assert.Equal(figures.UpstreamText, ours.Groups["upstream"].Value);
        Assert.Equal(figures.UpstreamText, answer.Value("X-Render-MS"));
        Assert.Equal(figures.Overhead, double.Parse(ours.Groups["overhead"].Value, CultureInfo.InvariantCulture), 0.06);
    }

    [Fact]
    public async Task ServerTiming_OnAFailure_IsThereOnce()
    {
        await using var proxy = await ProxyHarness.StartAsync(RawBackend.Nobody(), "Headers:ServerTiming=true");

        Assert.Matches(Ours(), Assert.Single((await proxy.GetAsync()).Head.Values("Server-Timing")));
    }

    [Fact]
    public async Task ServerTiming_Http2Client_HasTotalAndBodyInATrailer()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address, "Headers:ServerTiming=true");
        using var client = proxy.Client(version: 2);

        using var response = await client.GetAsync("/", TestContext.Current.CancellationToken);

        Assert.Matches(@"^total;dur=\d+\.\d, body;dur=\d+\.\d$", Assert.Single(response.TrailingHeaders.GetValues("Server-Timing")));
    }

    [Fact]
    public async Task RequestStart_On_IsUnixMicroseconds()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address, "Headers:RequestStart=true");
        var before = TimeProvider.System.GetUtcNow();

        await proxy.GetAsync();

        string value = (await backend.NextAsync()).Head.Value("X-Request-Start")!;
        Assert.StartsWith("t=", value, StringComparison.Ordinal);
        var start = DateTimeOffset.UnixEpoch.AddMicroseconds(long.Parse(value[2..], CultureInfo.InvariantCulture));
        Assert.InRange(start, before.AddMilliseconds(-2), TimeProvider.System.GetUtcNow());
    }

    [Fact]
    public async Task RequestStart_OnAndAlreadyThere_IsKept()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address, "Headers:RequestStart=true");

        await proxy.GetAsync(headers: "X-Request-Start: t=12345\r\n");

        Assert.Equal("t=12345", Assert.Single((await backend.NextAsync()).Head.Values("X-Request-Start")));
    }

    [Fact]
    public async Task RequestStart_ByDefault_IsOff()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        await proxy.GetAsync();

        Assert.Null((await backend.NextAsync()).Head.Value("X-Request-Start"));
    }

    [Fact]
    public async Task AppReported_OwnHeader_IsReadBeforeItIsReplaced()
    {
        await using var backend = new RecordingBackend("HTTP/1.1 200 OK\r\nX-Render-MS: 1500\r\nContent-Length: 2\r\n\r\nok");
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        await proxy.GetAsync();
        await proxy.NextAsync();

        var scrape = await proxy.ScrapeAsync();
        Assert.Equal(1.5, scrape.Sum("timingproxy_app_reported_duration_seconds_sum", ("route", "default")));
        Assert.Equal(1, scrape.Sum("timingproxy_app_queue_duration_seconds_count", ("route", "default")));
        Assert.Equal(0, scrape.Sum("timingproxy_app_queue_duration_seconds_sum"));
    }

    [GeneratedRegex(@"^upstream;dur=(?<upstream>\d+\.\d), upload;dur=\d+\.\d, overhead;dur=(?<overhead>\d+\.\d)$")]
    private static partial Regex Ours();
}
