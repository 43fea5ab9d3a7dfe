using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using TimingProxy.Timing;
using Yarp.ReverseProxy.Forwarder;

namespace TimingProxy.Proxy;

/// <summary>From what the forwarder reports to one of <see cref="ErrorType"/>.</summary>
internal static class FailureCause
{
    // The server's words (not localised) where the connection ends within a body; it has no code that could be read.
    private const string EndOfConnection = "Unexpected end of request content.";

    /// <summary>
    /// Null where the report is no failure: the ends of an upgraded connection, however they come, and what became of a request's body of which
    /// the upstream did not want to see the rest: it gave its whole answer before (RFC 9113 section 8.1).
    /// </summary>
    public static string? Of(IForwarderErrorFeature failure, RequestTiming timing)
    {
        if (IsEndOfUpgrade(failure.Error) || (IsOfRequestBody(failure.Error) && timing.IsBodyRead))
        {
            return null;
        }

        bool clientLeft = timing.Context.RequestAborted.IsCancellationRequested;
        return failure.Error switch
        {
            ForwarderError.RequestTimedOut => ErrorType.Timeout,
            ForwarderError.NoAvailableDestinations => ErrorType.NoDestination,
            ForwarderError.ResponseBodyDestination => ErrorType.Body,
            // The server ends writes to a client that is gone by a cancellation; that it throws something else is no doing of the client's.
            ForwarderError.ResponseBodyClient => clientLeft || IsConnectionLost(failure.Exception) ? ErrorType.ClientAbort : ErrorType.Other,
            ForwarderError.RequestBodyClient => clientLeft || IsConnectionLost(failure.Exception) ? ErrorType.ClientAbort : ErrorType.BadRequest,
            ForwarderError.RequestBodyDestination => clientLeft ? ErrorType.ClientAbort : ErrorType.Reset,
            _ when clientLeft => ErrorType.ClientAbort,
            // Not the client: a timeout that the route has of its own.
            ForwarderError.RequestCanceled or ForwarderError.RequestBodyCanceled or ForwarderError.ResponseBodyCanceled => ErrorType.Timeout,
            ForwarderError.Request => OfRequest(failure.Exception),
            _ => ErrorType.Other,
        };
    }

    private static string OfRequest(Exception? exception) =>
        (exception as HttpRequestException)?.HttpRequestError switch
        {
            HttpRequestError.ConnectionError
                or HttpRequestError.NameResolutionError
                or HttpRequestError.SecureConnectionError
                or HttpRequestError.ProxyTunnelError => ErrorType.Connect,
            HttpRequestError.ResponseEnded => ErrorType.Reset,
            HttpRequestError.InvalidResponse
                or HttpRequestError.ConfigurationLimitExceeded
                or HttpRequestError.VersionNegotiationError
                or HttpRequestError.ExtendedConnectNotSupported => ErrorType.Other,
            // HTTP/2 streams that were reset, and sockets that were.
            HttpRequestError.HttpProtocolError => ErrorType.Reset,
            _ => exception?.InnerException is IOException ? ErrorType.Reset : ErrorType.Other,
        };

    /// <summary>Where a connection breaks, the read of the body fails first; that the request is aborted is told a moment later.</summary>
    private static bool IsConnectionLost(Exception? exception) => exception switch
    {
        null => false,
        ConnectionResetException or ConnectionAbortedException => true,
        BadHttpRequestException { Message: EndOfConnection } => true,
        AggregateException many => many.InnerExceptions.Any(IsConnectionLost),
        _ => IsConnectionLost(exception.InnerException),
    };

    private static bool IsOfRequestBody(ForwarderError error) => error
        is ForwarderError.RequestBodyCanceled or ForwarderError.RequestBodyClient or ForwarderError.RequestBodyDestination;

    private static bool IsEndOfUpgrade(ForwarderError error) => error
        is ForwarderError.UpgradeRequestCanceled
        or ForwarderError.UpgradeRequestClient
        or ForwarderError.UpgradeRequestDestination
        or ForwarderError.UpgradeResponseCanceled
        or ForwarderError.UpgradeResponseClient
        or ForwarderError.UpgradeResponseDestination
        or ForwarderError.UpgradeActivityTimeout;
}
