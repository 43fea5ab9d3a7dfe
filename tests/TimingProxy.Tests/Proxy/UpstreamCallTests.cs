using Microsoft.Extensions.Time.Testing;
using TimingProxy.Proxy;
using TimingProxy.Settings;
using TimingProxy.Tests.Functional;
using TimingProxy.Timing;

namespace TimingProxy.Tests.Proxy;

public sealed class UpstreamCallTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <summary>A deadline that has passed cancels a moment later, wherever the request is by then: it must not be in its answer's body.</summary>
    [Fact]
    public async Task Send_AnswerWhileTheDeadlinePasses_IsATimeoutAndNoAnswer()
    {
        var arrived = new TaskCompletionSource();
        var passed = new TaskCompletionSource();
        await using var backend = new RawBackend(async wire =>
        {
            await wire.ReadHeadAsync();
            arrived.SetResult();
            await passed.Task.WaitAsync(Cancelled);
            await wire.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        });
        var time = new FakeTimeProvider();
        var clock = new RequestClock(time);
        var timing = new RequestTiming(new DefaultHttpContext(), clock);
        using var client = new UpstreamClient(new SocketsHttpHandler { UseProxy = false }, new UpstreamSettings(), unixSocket: null, _ => { });
        using var call = new UpstreamCall(timing, client, new InFlightLedger(clock), Limit, UpstreamDeadline.Pool(clock, 1));
        using var request = new HttpRequestMessage(HttpMethod.Get, backend.Address);

        // Without the deadline's token: as if its cancellation had not come through yet.
        var sending = call.SendAsync(request, CancellationToken.None);
        await arrived.Task.WaitAsync(Cancelled);
        time.Advance(Limit);
        passed.SetResult();

        await Assert.ThrowsAsync<OperationCanceledException>(() => sending);
        Assert.True(call.Deadline.IsCancellationRequested);
        Assert.False(timing.HasResponse);
        Assert.Equal(Limit, TimeSpan.FromMilliseconds(clock.ToMilliseconds(timing.UpstreamTicks)));
    }
}
