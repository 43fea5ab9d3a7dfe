using Microsoft.Extensions.Time.Testing;
using TimingProxy.Timing;

namespace TimingProxy.Tests.Metrics;

/// <summary>Makes requests that are over, under a clock that stands still but for what the request is said to have taken.</summary>
internal sealed class FinishedRequests
{
    /// <summary>What the proxy adds before the request is sent.</summary>
    public const double OverheadMs = 1;

    public const double BodyMs = 2;

    private readonly FakeTimeProvider _time = new();

    public FinishedRequests() => Clock = new RequestClock(_time);

    public RequestClock Clock { get; }

    /// <param name="how">Further facts of the request, set before it is over.</param>
    public RequestTiming Of(
        string path = "/",
        int status = 200,
        double upstreamMs = 20,
        bool hasResponse = true,
        string? errorType = null,
        Action<RequestTiming>? how = null)
    {
        var context = new DefaultHttpContext();
        context.Request.Method = "GET";
        context.Request.Path = path;
        context.Response.StatusCode = status;
        var timing = new RequestTiming(context, Clock) { MatchedRoute = RequestTiming.DefaultRoute, ErrorType = errorType };
        timing.MarkForwarded(new ClusterLoad("upstream"));
        Advance(OverheadMs);
        timing.MarkStarted();
        timing.MarkSent();
        Advance(upstreamMs);
        timing.MarkResponded(hasResponse);
        timing.MarkStamped();
        if (hasResponse)
        {
            Advance(BodyMs);
            timing.AddBodyRead(0, Ticks(BodyMs));
        }

        how?.Invoke(timing);
        timing.MarkCompleted();
        return timing;
    }

    public long Ticks(double milliseconds) => Clock.FromTimeSpan(TimeSpan.FromMilliseconds(milliseconds));

    public void Advance(double milliseconds) => _time.Advance(TimeSpan.FromMilliseconds(milliseconds));
}
