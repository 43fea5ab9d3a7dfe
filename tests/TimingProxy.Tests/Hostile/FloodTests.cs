using Microsoft.AspNetCore.Server.Kestrel.Core;
using TimingProxy.Tests.Functional;
using TimingProxy.Tests.Protocol;

namespace TimingProxy.Tests.Hostile;

/// <summary>One case each to show that a limit is on, and that the proxy serves others meanwhile.</summary>
[Collection(nameof(RunsAlone))]
public sealed class FloodTests(HostileSetting setting) : IClassFixture<HostileSetting>
{
    private const int Many = 20_000;

    [Fact]
    public async Task RapidReset_ManyStreams_IsEndedWithEnhanceYourCalm()
    {
        await using var wire = await Http2Wire.ConnectAsync(setting.Proxy.Address);
        byte[] reset = [0, 0, 0, 8];

        var flood = wire.FloodAsync(Many, i => [
            .. Http2Wire.Bytes(FrameType.Headers, Http2Wire.EndHeaders | Http2Wire.EndStream, (2 * i) + 1, Http2Wire.Request("GET")),
            .. Http2Wire.Bytes(FrameType.ResetStream, 0, (2 * i) + 1, reset),
        ]);

        await AssertCalmedAsync(wire, flood);
    }

    [Fact]
    public async Task Continuation_WithoutEnd_IsEnded()
    {
        await using var wire = await Http2Wire.ConnectAsync(setting.Proxy.Address);
        await wire.SendAsync(FrameType.Headers, Http2Wire.EndStream, 1, Http2Wire.Request("GET"));

        var flood = wire.FloodAsync(Many, i => Http2Wire.Bytes(FrameType.Continuation, 0, 1, Http2Wire.Block(($"x-{i}", new string('v', 100)))));

        await AssertCalmedAsync(wire, flood);
    }

    [Fact]
    public async Task Settings_WhoseAcknowledgementsNobodyReads_AreNotTakenWithoutEnd()
    {
        await using var wire = await Http2Wire.ConnectAsync(setting.Proxy.Address);
        byte[] settings = Repeat(Http2Wire.Bytes(FrameType.Settings, 0, 0));

        bool wasTaken = await wire.FloodAsync(Many, _ => settings);

        Assert.False(wasTaken);
        await AssertServesOthersAsync();
    }

    [Fact]
    public async Task Pings_WhoseAnswersNobodyReads_AreNotTakenWithoutEnd()
    {
        await using var wire = await Http2Wire.ConnectAsync(setting.Proxy.Address);
        byte[] pings = Repeat(Http2Wire.Bytes(FrameType.Ping, 0, 0, new byte[8]));

        bool wasTaken = await wire.FloodAsync(Many, _ => pings);

        Assert.False(wasTaken);
        await AssertServesOthersAsync();
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

    [Fact]
    public async Task Body_OnWhichNothingMoves_Is408AndNeverCompletedAtTheApp()
    {
        setting.Backend.Forget();
        await using var proxy = await WithLimitsAsync(limits =>
            limits.MinRequestBodyDataRate = new MinDataRate(limits.MinRequestBodyDataRate!.BytesPerSecond, TimeSpan.FromSeconds(2)));
        await using var client = await proxy.ConnectAsync();

        await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nab");

        Assert.Equal(408, (await client.ReceiveAsync()).Status);
        Assert.True(await client.EndsAsync());
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
        Assert.Equal((1d, TimeSpan.FromSeconds(60)), (limits.MinRequestBodyDataRate!.BytesPerSecond, limits.MinRequestBodyDataRate.GracePeriod));
        Assert.Equal((1d, TimeSpan.FromSeconds(60)), (limits.MinResponseDataRate!.BytesPerSecond, limits.MinResponseDataRate.GracePeriod));
    }

    private Task<ProxyHarness> WithLimitsAsync(Action<KestrelServerLimits> set) => ProxyHarness.StartAsync(
        setting.Backend.Address.ToString(), services => services.PostConfigure<KestrelServerOptions>(kestrel => set(kestrel.Limits)));

    private static byte[] Repeat(byte[] frame) => [.. Enumerable.Repeat(frame, 100).SelectMany(bytes => bytes)];

    private async Task AssertCalmedAsync(Http2Wire wire, Task<bool> flood)
    {
        var goAway = await wire.ReadUntilAsync(FrameType.GoAway);
        Assert.True(goAway is null or { Error: Http2Error.EnhanceYourCalm or Http2Error.Protocol or Http2Error.Internal }, $"{goAway?.Error}");
        Assert.False(await flood && goAway is null, "All of it was taken, and nothing said.");
        await AssertServesOthersAsync();
    }

    private async Task AssertServesOthersAsync()
    {
        using var client = setting.Proxy.Client();
        Assert.Equal("hello", await client.GetStringAsync("/", TestContext.Current.CancellationToken));
    }
}
