using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Time.Testing;
using TimingProxy.Tests.Functional;
using TimingProxy.Tests.Protocol;

namespace TimingProxy.Tests.Hostile;

/// <summary>One case each to show that a limit is on, and that the proxy serves others meanwhile.</summary>
[Collection(nameof(RunsAlone))]
public sealed class FloodTests(HostileSetting setting) : IClassFixture<HostileSetting>
{
    private const int Many = 20_000;

    [Fact]
    public async Task RapidReset_ManyStreams_IsEndedAndSaysWhy()
    {
        setting.Proxy.Log.Clear();
        await using var wire = await Http2Wire.ConnectAsync(setting.Proxy.Address);
        byte[] reset = [0, 0, 0, 8];

        var (goAway, wasTaken) = await FloodAsync(wire, i => [
            .. Http2Wire.Bytes(FrameType.Headers, Http2Wire.EndHeaders | Http2Wire.EndStream, (2 * i) + 1, Http2Wire.Request("GET")),
            .. Http2Wire.Bytes(FrameType.ResetStream, 0, (2 * i) + 1, reset),
        ]);

        Assert.False(wasTaken);
        // Whichever bound is met first: the streams that are still being wound up, or the frames that wait to be written. The words may be lost
        // with a connection on which more is coming in.
        bool isQueueFull = setting.Proxy.Log.Any(line => line.Text.Contains("exceeded the output operations maximum queue size", StringComparison.Ordinal));
        Assert.True(goAway is null or { Error: Http2Error.EnhanceYourCalm } || (isQueueFull && goAway.Error == Http2Error.Internal), $"{goAway?.Error}");
    }

    [Fact]
    public async Task Continuation_WithoutEnd_IsEndedWithGoAway()
    {
        await using var wire = await Http2Wire.ConnectAsync(setting.Proxy.Address);
        await wire.SendAsync(FrameType.Headers, Http2Wire.EndStream, 1, Http2Wire.Request("GET"));

        var (goAway, wasTaken) = await FloodAsync(
            wire, i => Http2Wire.Bytes(FrameType.Continuation, 0, 1, Http2Wire.Block(($"x-{i}", new string('v', 100)))));

        Assert.False(wasTaken);
        // The words may be lost with a connection on which more is coming in.
        Assert.True(goAway is null or { Error: Http2Error.Protocol }, $"{goAway?.Error}");
    }

    [Fact]
    public async Task Settings_WhoseAcknowledgementsNobodyReads_AreNotTakenWithoutEnd()
    {
        await using var wire = await Http2Wire.ConnectAsync(setting.Proxy.Address);

        await AssertHeldBackAsync(wire, FrameType.Settings, Http2Wire.Bytes(FrameType.Settings, 0, 0));
    }

    [Fact]
    public async Task Pings_WhoseAnswersNobodyReads_AreNotTakenWithoutEnd()
    {
        await using var wire = await Http2Wire.ConnectAsync(setting.Proxy.Address);

        await AssertHeldBackAsync(wire, FrameType.Ping, Http2Wire.Bytes(FrameType.Ping, 0, 0, new byte[8]));
    }

    [Fact]
    public async Task Streams_MoreThanAllowed_AreRefusedAndTheRestServed()
    {
        await using var backend = await Backend.StartAsync(context => Task.Delay(Timeout.Infinite, context.RequestAborted));
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        await using var wire = await Http2Wire.ConnectAsync(proxy.Address);

        for (int i = 0; i < 251; i++)
        {
            await wire.HeadersAsync((2 * i) + 1, Http2Wire.Request("GET"));
        }

        var refusal = await wire.ReadUntilAsync(FrameType.ResetStream, FrameType.GoAway);
        Assert.Equal((FrameType.ResetStream, 501, Http2Error.RefusedStream), (refusal!.Type, refusal.Stream, refusal.Error));
    }

    [Fact]
    public async Task Head_SentTooSlowly_Is408AndTheEnd()
    {
        await using var proxy = await WithLimitsAsync(limits => limits.RequestHeadersTimeout = TimeSpan.FromSeconds(1));
        await using var client = await proxy.ConnectAsync();

        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ");

        Assert.Equal(408, (await client.ReceiveAsync()).Status);
        Assert.True(await client.EndsAsync());
    }

    /// <summary>However much came before: a rate would let who has sent ten thousand bytes be silent for hours.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(10_000)]
    public async Task Body_OnWhichNothingMovesForAMinute_Is408AndNeverCompletedAtTheApp(int sent)
    {
        setting.Backend.Forget();
        var time = new FakeTimeProvider();
        await using var proxy = await ProxyHarness.StartAsync(setting.Backend.Address.ToString(), services => services.AddSingleton<TimeProvider>(time));
        await using var client = await proxy.ConnectAsync();

        await client.SendAsync($"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {sent + 10}\r\n\r\n{new string('x', sent)}");
        var answer = client.ReceiveAsync();
        await proxy.UntilAsync(() => setting.Backend.Bytes.EndsWith('x'));
        time.Advance(TimeSpan.FromSeconds(59));
        await client.SendAsync("y");
        await proxy.UntilAsync(() => setting.Backend.Bytes.EndsWith('y'));
        time.Advance(TimeSpan.FromSeconds(59));
        await proxy.UntilAsync(() => answer.IsCompleted, () =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return Task.CompletedTask;
        });

        Assert.Equal((408, "close"), ((await answer).Status, (await answer).Value("Connection")));
        Assert.True(await client.EndsAsync());
        var figures = await proxy.NextAsync();
        Assert.Equal("bad_request", figures.ErrorType);
        Assert.True(figures.Total > 118_000, $"{figures.Total} ms");
        Assert.DoesNotContain(proxy.Log, line => line.Level >= LogLevel.Error);
        Assert.Empty(setting.Backend.Whole);
    }

    [Fact]
    public async Task Connection_IdleAfterAnAnswer_IsClosed()
    {
        await using var proxy = await WithLimitsAsync(limits => limits.KeepAliveTimeout = TimeSpan.FromSeconds(1));
        await using var client = await proxy.ConnectAsync();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        await client.ReceiveAsync();

        Assert.True(await client.EndsAsync());
    }

    [Fact]
    public void Limits_AsTheyAreSet_EndWhatDoesNotMove()
    {
        var limits = setting.Proxy.Services.GetRequiredService<Microsoft.Extensions.Options.IOptions<KestrelServerOptions>>().Value.Limits;

        Assert.Equal(TimeSpan.FromSeconds(30), limits.RequestHeadersTimeout);
        Assert.Equal(TimeSpan.FromSeconds(130), limits.KeepAliveTimeout);
        Assert.Null(limits.MinRequestBodyDataRate);
        Assert.Equal((1d, TimeSpan.FromSeconds(60)), (limits.MinResponseDataRate!.BytesPerSecond, limits.MinResponseDataRate.GracePeriod));
    }

    private Task<ProxyHarness> WithLimitsAsync(Action<KestrelServerLimits> set) => ProxyHarness.StartAsync(
        setting.Backend.Address.ToString(), services => services.PostConfigure<KestrelServerOptions>(kestrel => set(kestrel.Limits)));

    /// <summary>Floods while what is answered is read, and others are served.</summary>
    private async Task<(Http2Frame? GoAway, bool WasTaken)> FloodAsync(Http2Wire wire, Func<int, byte[]> frames)
    {
        var flood = Task.Run(() => wire.FloodAsync(Many, frames));
        var goAway = wire.ReadUntilAsync(FrameType.GoAway);
        do
        {
            await AssertServesOthersAsync();
        }
        while (!flood.IsCompleted);
        return (await goAway, await flood);
    }

    /// <summary>
    /// The server reads no further than its answers are taken: others are served while it waits, and the answers come once they are read.
    /// </summary>
    private async Task AssertHeldBackAsync(Http2Wire wire, FrameType type, byte[] frame)
    {
        // Together more than systems keep in the buffers of a connection, some of which grow to 32 MB.
        byte[] frames = [.. Enumerable.Repeat(frame, 1000).SelectMany(bytes => bytes)];
        Assert.False(await wire.FloodAsync(Many, _ => frames));
        await AssertServesOthersAsync();

        for (int answers = 0; answers < 10_000;)
        {
            var answer = await wire.ReadUntilAsync(type, FrameType.GoAway);
            Assert.Equal(type, answer?.Type);
            // But for the server's own settings.
            answers += answer!.Flags == Http2Wire.Ack ? 1 : 0;
        }
    }

    private async Task AssertServesOthersAsync()
    {
        using var client = setting.Proxy.Client();
        Assert.Equal("hello", await client.GetStringAsync("/", TestContext.Current.CancellationToken));
    }
}
