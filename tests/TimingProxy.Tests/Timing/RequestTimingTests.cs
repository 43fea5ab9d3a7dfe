using Microsoft.Extensions.Time.Testing;
using TimingProxy.Timing;

namespace TimingProxy.Tests.Timing;

public sealed class RequestTimingTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly RequestTiming _timing;

    public RequestTimingTests() => _timing = new RequestTiming(new DefaultHttpContext(), new RequestClock(_time));

    [Fact]
    public void Figures_PlainRequest_AreTheStepsBetweenThePoints()
    {
        Pass(1);
        _timing.MarkStarted();
        Pass(20);
        _timing.MarkResponded(hasResponse: true);
        Pass(2);
        _timing.MarkStamped();
        long begin = _timing.Clock.Now;
        Pass(30);
        _timing.AddBodyRead(0, _timing.Clock.Now - begin);
        Pass(4);
        _timing.MarkCompleted();

        Assert.Equal((20, 0, 0, 30, 3, 57), (Ms(_timing.UpstreamTicks), Ms(_timing.UploadTicks), Ms(_timing.QueueTicks), Ms(_timing.BodyTicks), Ms(_timing.OverheadTicks), Ms(_timing.TotalTicks)));
        Assert.NotEqual(0, _timing.Started);
        Assert.True(_timing.HasResponse);
    }

    [Fact]
    public void Upstream_UploadAndQueue_AreTakenOff()
    {
        _timing.MarkStarted();
        Pass(5);
        _timing.MarkQueued(_timing.Clock.FromTimeSpan(TimeSpan.FromMilliseconds(5)));
        _timing.ExpectUpload().Begin(_timing.Clock.Now);
        Pass(100);
        _timing.ExpectUpload().End(_timing.Clock.Now);
        Pass(10);
        _timing.ExpectUpload().Begin(_timing.Clock.Now);
        Pass(50);
        _timing.ExpectUpload().End(_timing.Clock.Now);
        Pass(7);
        _timing.MarkResponded(hasResponse: true);

        Assert.Equal((17, 150, 5), (Ms(_timing.UpstreamTicks), Ms(_timing.UploadTicks), Ms(_timing.QueueTicks)));
    }

    [Fact]
    public void Upload_AnswerComesWhileTheClientIsWaitedFor_EndsWithTheAnswer()
    {
        _timing.MarkStarted();
        Pass(3);
        _timing.ExpectUpload().Begin(_timing.Clock.Now);
        Pass(100);
        _timing.MarkResponded(hasResponse: true);
        Pass(1000);
        _timing.ExpectUpload().End(_timing.Clock.Now);

        Assert.Equal((3, 100), (Ms(_timing.UpstreamTicks), Ms(_timing.UploadTicks)));
    }

    /// <summary>Ms after the start at which the kernel says to have received the answer, which is read after 50.</summary>
    [Theory]
    [InlineData(20, 20)]
    [InlineData(-1, 50)]
    [InlineData(0, 50)]
    [InlineData(60, 50)]
    public void Upstream_ReadLate_EndsWhenTheKernelHadTheAnswerIfThatCanBe(int receivedAt, int expected)
    {
        Pass(10);
        _timing.MarkStarted();
        _timing.MarkReceived(_timing.Started + _timing.Clock.FromTimeSpan(TimeSpan.FromMilliseconds(receivedAt)));
        Pass(50);
        _timing.MarkResponded(hasResponse: true);
        _timing.MarkStamped();

        Assert.Equal((expected, 10 + 50 - expected), (Ms(_timing.UpstreamTicks), Ms(_timing.OverheadTicks)));
    }

    [Fact]
    public void Upstream_ReadOfAnotherAttemptOrWithoutAnAnswer_IsForgotten()
    {
        _timing.MarkStarted();
        _timing.MarkReceived(_timing.Started + 1);
        Pass(5);
        _timing.MarkResponded(hasResponse: false);
        Assert.Equal(5, Ms(_timing.UpstreamTicks));

        _timing.MarkStarted();
        Pass(7);
        _timing.MarkResponded(hasResponse: true);
        Assert.Equal(7, Ms(_timing.UpstreamTicks));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Upstream_AnswerLayThereWhileTheClientWasWaitedFor_EndsWhenItIsRead(bool isStillWaitedFor)
    {
        _timing.MarkStarted();
        Pass(3);
        _timing.ExpectUpload().Begin(_timing.Clock.Now);
        Pass(1);
        _timing.MarkReceived(_timing.Clock.Now);
        Pass(100);
        if (!isStillWaitedFor)
        {
            _timing.ExpectUpload().End(_timing.Clock.Now);
            Pass(4);
        }

        _timing.MarkResponded(hasResponse: true);

        Assert.Equal((isStillWaitedFor ? 3 : 7, 101), (Ms(_timing.UpstreamTicks), Ms(_timing.UploadTicks)));
    }

    [Fact]
    public void Upload_WaitThatBeganBeforeTheStart_CountsFromTheStart()
    {
        _timing.ExpectUpload().Begin(_timing.Clock.Now);
        Pass(50);
        _timing.MarkStarted();
        Pass(10);
        _timing.ExpectUpload().End(_timing.Clock.Now);
        Pass(5);
        _timing.MarkResponded(hasResponse: true);

        Assert.Equal((5, 10), (Ms(_timing.UpstreamTicks), Ms(_timing.UploadTicks)));
    }

    [Fact]
    public void UpstreamUntil_WhileTheClientIsWaitedFor_StandsStill()
    {
        _timing.MarkStarted();
        Pass(8);
        _timing.ExpectUpload().Begin(_timing.Clock.Now);
        Pass(500);

        Assert.Equal(8, Ms(_timing.UpstreamTicksUntil(_timing.Clock.Now)));
    }

    [Fact]
    public void Upstream_NeverBelowZero()
    {
        _timing.MarkStarted();
        Pass(5);
        _timing.MarkQueued(_timing.Clock.FromTimeSpan(TimeSpan.FromSeconds(1)));
        _timing.MarkResponded(hasResponse: false);

        Assert.Equal(0, _timing.UpstreamTicks);
    }

    [Fact]
    public void Started_Again_BeginsAnew()
    {
        _timing.MarkStarted();
        Pass(100);
        _timing.MarkResponded(hasResponse: false);
        _timing.MarkStarted();
        Pass(7);
        _timing.MarkResponded(hasResponse: true);

        Assert.Equal(7, Ms(_timing.UpstreamTicks));
    }

    [Fact]
    public void NeverStarted_HasNoUpstreamNorOverhead()
    {
        Pass(10);
        _timing.MarkStamped();
        _timing.MarkCompleted();

        Assert.Equal(0, _timing.Started);
        Assert.Equal((0, 0, 10), (Ms(_timing.UpstreamTicks), Ms(_timing.OverheadTicks), Ms(_timing.TotalTicks)));
    }

    [Fact]
    public void Load_UpgradedOnceOrTwice_IsBalanced()
    {
        var load = new ClusterLoad("a");
        _timing.MarkForwarded(load);
        Assert.Equal((1, 0), (load.ActiveRequests, load.UpgradedConnections));
        _timing.MarkUpgraded();
        _timing.MarkUpgraded();
        Assert.Equal((0, 1), (load.ActiveRequests, load.UpgradedConnections));
        _timing.MarkCompleted();
        Assert.Equal((0, 0), (load.ActiveRequests, load.UpgradedConnections));
    }

    private void Pass(int milliseconds) => _time.Advance(TimeSpan.FromMilliseconds(milliseconds));

    private int Ms(long ticks) => (int)Math.Round(_timing.Clock.ToMilliseconds(ticks));
}
