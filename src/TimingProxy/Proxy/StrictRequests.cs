using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;
using TimingProxy.Settings;
using TimingProxy.Timing;

namespace TimingProxy.Proxy;

/// <summary>
/// Refuses what the server would let through but a backend may read differently (<see cref="Refusal"/>), and takes away what must not go
/// on: forwarding headers of peers that are not trusted with them, what is meant for this hop only, and the announcement of trailers,
/// which are not forwarded.
/// </summary>
internal sealed class StrictRequests(RequestDelegate next, LiveSettings settings)
{
    // What the server leaves of a Content-Length that came together with a Transfer-Encoding.
    private const string DisplacedContentLength = "X-Content-Length";

    public Task InvokeAsync(HttpContext context)
    {
        var headers = context.Request.Headers;
        if (Refusal(context) is var status and not 0)
        {
            RequestTiming.Of(context).ErrorType = ErrorType.BadRequest;
            context.Response.StatusCode = status;
            context.Response.Headers.Connection = "close";
            return Task.CompletedTask;
        }

        if (headers.Trailer.Count != 0)
        {
            headers.Remove(HeaderNames.Trailer);
        }

        if (settings.Current.Forwarding.TrustedPeers is { } trusted
            && !PeerNetworks.Contains(trusted, context.Connection.RemoteIpAddress))
        {
            ForwardingHeaders.Remove(headers);
        }

        ConnectionOptions.RemoveNamed(headers, headers.Connection);
        return next(context);
    }

    /// <summary>Status to refuse a request with, or 0.</summary>
    private static int Refusal(HttpContext context)
    {
        var request = context.Request;
        var codings = request.Headers.TransferEncoding;
        if (codings.Count != 0 && !IsChunked(codings, request))
        {
            return StatusCodes.Status400BadRequest;
        }

        return context.Features[typeof(IHttpRequestFeature)] is IHttpRequestFeature { RawTarget: { Length: > 0 } target } ? Refusal(target) : 0;
    }

    /// <summary>
    /// One coding, <c>chunked</c>, alone: anything more is for nobody here to decode, a length beside it is a contradiction (RFC 9112
    /// section 6.3), and neither HTTP/1.0 (section 6.1) nor HTTP/2 (RFC 9113 section 8.2.2) has codings.
    /// </summary>
    private static bool IsChunked(StringValues codings, HttpRequest request) =>
        codings.Count == 1
        && "chunked".Equals(codings[0], StringComparison.OrdinalIgnoreCase)
        && !request.Headers.ContainsKey(DisplacedContentLength)
        && HttpProtocol.IsHttp11(request.Protocol);

    /// <summary>
    /// A target has no white space and no control characters (RFC 3986), a CR least of all; user information is a trap (RFC 9110 section
    /// 4.2.4); and a bare authority asks for a tunnel, which this proxy makes for nobody.
    /// </summary>
    private static int Refusal(string target)
    {
        if (target.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            return StatusCodes.Status400BadRequest;
        }

        if (target[0] is '/' or '*')
        {
            return 0;
        }

        int scheme = target.IndexOf("://", StringComparison.Ordinal);
        if (scheme < 0)
        {
            return StatusCodes.Status405MethodNotAllowed;
        }

        var authority = target.AsSpan(scheme + "://".Length);
        int end = authority.IndexOfAny('/', '?');
        return (end < 0 ? authority : authority[..end]).Contains('@') ? StatusCodes.Status400BadRequest : 0;
    }
}
