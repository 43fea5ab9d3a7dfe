namespace TimingProxy.Timing;

/// <summary>
/// Why a request failed, from the proxy's point of view: values of the <c>error_type</c> label and of the access log,
/// and the reason code in the proxy's own answers.
/// </summary>
internal static class ErrorType
{
    /// <summary>The upstream refused the connection, could not be resolved, or failed the TLS handshake.</summary>
    public const string Connect = "connect";

    /// <summary>The upstream was silent for longer than allowed.</summary>
    public const string Timeout = "timeout";

    /// <summary>The upstream closed or reset the connection before its response headers.</summary>
    public const string Reset = "reset";

    /// <summary>The upstream failed in the middle of its response body.</summary>
    public const string Body = "body";

    /// <summary>No destination was available to forward to.</summary>
    public const string NoDestination = "no_destination";

    /// <summary>The client went away.</summary>
    public const string ClientAbort = "client_abort";

    /// <summary>The request was malformed, or its body came too slowly.</summary>
    public const string BadRequest = "bad_request";

    /// <summary>More requests than <c>MaxConcurrentRequests</c>.</summary>
    public const string Overload = "overload";

    /// <summary>Anything else, garbage from the upstream among it.</summary>
    public const string Other = "other";
}
