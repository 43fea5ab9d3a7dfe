using Microsoft.Extensions.Time.Testing;
using TimingProxy.Proxy;
using TimingProxy.Timing;

namespace TimingProxy.Tests.Proxy;

public sealed class UpstreamDeadlineTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private readonly FakeTimeProvider _time = new();
    private readonly RequestClock _clock;
    private readonly UpstreamDeadline _deadline;

    public UpstreamDeadlineTests()
    {
        _clock = new RequestClock(_time);
        _deadline = new UpstreamDeadline(_clock);
    }

    public void Dispose() => _deadline.Dispose();

    [Fact]
    public void Token_RequestWithoutAnAnswer_IsCancelledAtTheLimit()
    {
        _deadline.Start(Request(), Limit);

        _time.Advance(TimeSpan.FromSeconds(9.99));
        Assert.False(_deadline.Token.IsCancellationRequested);
        _time.Advance(TimeSpan.FromSeconds(0.01));

        Assert.True(_deadline.Token.IsCancellationRequested);
        Assert.False(_deadline.TryReset(), "A deadline that has cancelled a request would cancel the next one at once.");
    }

    [Fact]
    public void Token_ClientThatUploadsSlowly_IsCancelledByUpstreamTimeAlone()
    {
        var request = Request();
        var upload = request.ExpectUpload();
        _deadline.Start(request, Limit);

        upload.Begin(_clock.Now);
        _time.Advance(TimeSpan.FromMinutes(5));
        Assert.False(_deadline.Token.IsCancellationRequested);
        upload.End(_clock.Now);

        _time.Advance(Limit - TimeSpan.FromMilliseconds(1));
        Assert.False(_deadline.Token.IsCancellationRequested);
        // It does not look again before 50 ms have passed.
        _time.Advance(TimeSpan.FromMilliseconds(51));
        Assert.True(_deadline.Token.IsCancellationRequested);
    }

    [Fact]
    public void Token_RequestThatWasAnswered_IsNeverCancelled()
    {
        _deadline.Start(Request(), Limit);
        _time.Advance(TimeSpan.FromSeconds(9));
        Assert.True(_deadline.Stop());

        _time.Advance(TimeSpan.FromMinutes(1));

        Assert.False(_deadline.Token.IsCancellationRequested);
        Assert.True(_deadline.TryReset());
    }

    [Fact]
    public void Stop_RequestThatIsBeingCancelled_SaysThatItIsLate()
    {
        bool? wasInTime = null;
        _deadline.Start(Request(), Limit);
        using var during = _deadline.Token.Register(() => wasInTime = _deadline.Stop());

        _time.Advance(Limit);

        Assert.False(wasInTime);
    }

    /// <summary>The timer of the first request is still set when the second begins, and must not end that one early.</summary>
    [Fact]
    public void Token_NextRequest_HasTheWholeLimit()
    {
        _deadline.Start(Request(), Limit);
        _time.Advance(TimeSpan.FromSeconds(9));
        _deadline.Stop();
        Assert.True(_deadline.TryReset());

        _deadline.Start(Request(), Limit);
        // To where the first one's timer fires.
        _time.Advance(TimeSpan.FromSeconds(1));
        _time.Advance(TimeSpan.FromSeconds(8.99));
        Assert.False(_deadline.Token.IsCancellationRequested);
        _time.Advance(TimeSpan.FromSeconds(0.01));

        Assert.True(_deadline.Token.IsCancellationRequested);
    }

    /// <summary>Nor must a timer that is set for a long limit let a shorter one pass.</summary>
    [Fact]
    public void Token_NextRequestWithAShorterLimit_IsCancelledAtThat()
    {
        _deadline.Start(Request(), Limit);
        _deadline.Stop();
        Assert.True(_deadline.TryReset());

        _deadline.Start(Request(), TimeSpan.FromSeconds(1));
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.True(_deadline.Token.IsCancellationRequested);
    }

    [Fact]
    public void Pool_DeadlineThatHasCancelled_IsDisposedAndNotGivenAgain()
    {
        var pool = UpstreamDeadline.Pool(_clock, 2);
        var spent = pool.Get();
        spent.Start(Request(), Limit);
        _time.Advance(Limit);
        spent.Stop();

        pool.Return(spent);

        Assert.True(IsDisposed(spent));
        using var next = pool.Get();
        Assert.NotSame(spent, next);
    }

    /// <summary>Its timer would live until the limit, and hold it.</summary>
    [Fact]
    public void Pool_MoreDeadlinesThanItKeeps_AreDisposed()
    {
        var pool = UpstreamDeadline.Pool(_clock, 2);
        UpstreamDeadline[] deadlines = [pool.Get(), pool.Get(), pool.Get()];

        foreach (var deadline in deadlines)
        {
            deadline.Start(Request(), Limit);
            deadline.Stop();
            pool.Return(deadline);
        }

        Assert.Equal([false, false, true], deadlines.Select(IsDisposed));
    }

    private static bool IsDisposed(UpstreamDeadline deadline)
    {
        try
        {
            _ = deadline.Token;
            return false;
        }
        catch (ObjectDisposedException)
        {
            return true;
        }
    }

    private RequestTiming Request()
    {
        var request = new RequestTiming(new DefaultHttpContext(), _clock);
        request.MarkStarted();
        return request;
    }
}
