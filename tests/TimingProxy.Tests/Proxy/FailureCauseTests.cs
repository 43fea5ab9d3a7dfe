using Microsoft.AspNetCore.Connections;
using TimingProxy.Proxy;
using TimingProxy.Timing;
using Yarp.ReverseProxy.Forwarder;

namespace TimingProxy.Tests.Proxy;

public sealed class FailureCauseTests
{
    public static TheoryData<ForwarderError, Exception?, string?, string?> Failures => new()
    {
        // What happened, and with which exception; while the client is there, and after it has left.
        { ForwarderError.RequestTimedOut, null, "timeout", "timeout" },
        { ForwarderError.RequestCanceled, null, "timeout", "client_abort" },
        { ForwarderError.RequestBodyCanceled, null, "timeout", "client_abort" },
        { ForwarderError.ResponseBodyCanceled, null, "timeout", "client_abort" },
        { ForwarderError.NoAvailableDestinations, null, "no_destination", "no_destination" },
        { ForwarderError.ResponseBodyDestination, null, "body", "body" },
        { ForwarderError.ResponseBodyClient, null, "other", "client_abort" },
        { ForwarderError.ResponseBodyClient, new InvalidOperationException("Writing to the response body is invalid."), "other", "client_abort" },
        { ForwarderError.ResponseBodyClient, new IOException("", new ConnectionAbortedException()), "client_abort", "client_abort" },
        { ForwarderError.RequestBodyClient, new BadHttpRequestException("Bad chunk size data."), "bad_request", "client_abort" },
        { ForwarderError.RequestBodyClient, new ConnectionResetException("gone"), "client_abort", "client_abort" },
        { ForwarderError.RequestBodyClient, new AggregateException(new IOException("", new ConnectionAbortedException())), "client_abort", "client_abort" },
        { ForwarderError.RequestBodyDestination, new IOException(), "reset", "client_abort" },
        { ForwarderError.Request, Of(HttpRequestError.ConnectionError), "connect", "client_abort" },
        { ForwarderError.Request, Of(HttpRequestError.NameResolutionError), "connect", "client_abort" },
        { ForwarderError.Request, Of(HttpRequestError.SecureConnectionError), "connect", "client_abort" },
        { ForwarderError.Request, Of(HttpRequestError.ResponseEnded), "reset", "client_abort" },
        { ForwarderError.Request, Of(HttpRequestError.HttpProtocolError), "reset", "client_abort" },
        { ForwarderError.Request, Of(HttpRequestError.InvalidResponse), "other", "client_abort" },
        { ForwarderError.Request, Of(HttpRequestError.ConfigurationLimitExceeded), "other", "client_abort" },
        { ForwarderError.Request, new HttpRequestException("", new IOException()), "reset", "client_abort" },
        { ForwarderError.Request, new InvalidOperationException(), "other", "client_abort" },
        { ForwarderError.Request, null, "other", "client_abort" },
        { ForwarderError.RequestCreation, new InvalidOperationException(), "other", "client_abort" },
        { ForwarderError.ResponseHeaders, new InvalidOperationException(), "other", "client_abort" },
        { ForwarderError.UpgradeRequestClient, new IOException(), null, null },
        { ForwarderError.UpgradeResponseDestination, new IOException(), null, null },
        { ForwarderError.UpgradeActivityTimeout, null, null, null },
    };

    [Theory]
    [MemberData(nameof(Failures))]
    public void Cause_OfEveryReport_IsKnown(ForwarderError error, Exception? exception, string? whileThere, string? afterLeaving)
    {
        var failure = new Failure(error, exception);

        Assert.Equal(whileThere, FailureCause.Of(failure, Timing(new DefaultHttpContext())));
        Assert.Equal(afterLeaving, FailureCause.Of(failure, Timing(new DefaultHttpContext { RequestAborted = new CancellationToken(canceled: true) })));
    }

    [Theory]
    [InlineData(ForwarderError.RequestBodyCanceled, null)]
    [InlineData(ForwarderError.RequestBodyClient, null)]
    [InlineData(ForwarderError.RequestBodyDestination, null)]
    [InlineData(ForwarderError.ResponseBodyDestination, "body")]
    public void Cause_AfterAWholeAnswer_IsNoneInTheRequestsBody(ForwarderError error, string? expected)
    {
        var timing = Timing(new DefaultHttpContext());
        timing.MarkBodyRead();

        Assert.Equal(expected, FailureCause.Of(new Failure(error, new IOException()), timing));
    }

    private static RequestTiming Timing(HttpContext context) => new(context, new RequestClock(TimeProvider.System));

    private static HttpRequestException Of(HttpRequestError error) => new(error);

    private sealed record Failure(ForwarderError Error, Exception? Exception) : IForwarderErrorFeature;
}
