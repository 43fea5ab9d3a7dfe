using System.Net;
using System.Net.Http.Headers;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace TimingProxy.Proxy;

/// <summary>The steps by which a message passes unchanged, but for what is meant for one hop only.</summary>
internal static class Transparency
{
    private const string WhiteSpace = " \t";

    // Responses' headers that the forwarder leaves out, although they are not among those of one hop (RFC 9110 section 7.6.1).
    private static readonly string[] LeftOut = [HeaderNames.AltSvc, HeaderNames.ProxyAuthenticate, "Proxy-Authentication-Info"];

    private static readonly RecentAddresses Addresses = new();

    /// <summary>Copies what the forwarder leaves out of a request, although it is not meant for one hop only.</summary>
    public static void KeepEndToEnd(HttpRequest request, HttpRequestMessage copied)
    {
        Keep(HeaderNames.UpgradeInsecureRequests, request.Headers.UpgradeInsecureRequests);
        Keep(HeaderNames.ProxyAuthorization, request.Headers.ProxyAuthorization);

        void Keep(string name, StringValues values)
        {
            if (values.Count != 0)
            {
                copied.Headers.TryAddWithoutValidation(name, values.AsEnumerable());
            }
        }
    }

    /// <summary>Copies what the forwarder leaves out of a response, although it is not meant for one hop only.</summary>
    public static void KeepEndToEnd(HttpResponse copied, HttpResponseMessage? upstream)
    {
        if (upstream is null)
        {
            return;
        }

        foreach (string name in LeftOut)
        {
            if (upstream.Headers.NonValidated.TryGetValues(name, out var values))
            {
                copied.Headers[name] = values.ToArray();
            }
        }

        if (upstream.StatusCode == HttpStatusCode.UpgradeRequired)
        {
            KeepUpgrade(copied, upstream);
        }
    }

    /// <summary>
    /// A 426 says to what (RFC 9110 section 15.5.22), and <c>Connection</c> has to name that (section 7.8), which then also says whether the
    /// connection goes on, as the server will go by it. HTTP/2 has neither header.
    /// </summary>
    private static void KeepUpgrade(HttpResponse copied, HttpResponseMessage upstream)
    {
        var request = copied.HttpContext.Request;
        if (HttpProtocol.IsHttp2(request.Protocol) || !upstream.Headers.NonValidated.TryGetValues(HeaderNames.Upgrade, out var protocols))
        {
            return;
        }

        string asked = request.Headers.Connection.ToString();
        bool goesOn = !asked.Contains("close", StringComparison.OrdinalIgnoreCase)
            && (HttpProtocol.IsHttp11(request.Protocol) || asked.Contains("keep-alive", StringComparison.OrdinalIgnoreCase));
        copied.Headers.Upgrade = protocols.ToArray();
        copied.Headers.Connection = goesOn ? "Upgrade, keep-alive" : "Upgrade, close";
    }

    /// <summary>
    /// Removes what <c>Connection</c> names, the length of what has no body (204), and the announcement of trailers to clients that get none
    /// (HTTP/1.1).
    /// </summary>
    public static void RemoveHopByHop(HttpResponse response, HttpResponseMessage? upstream)
    {
        if (upstream is not null && upstream.Headers.NonValidated.TryGetValues("Connection", out var connection))
        {
            ConnectionOptions.RemoveNamed(response.Headers, connection.ToString());
        }

        // RFC 9110 section 8.6; the server would rather answer 500 than send it.
        if (response.StatusCode == StatusCodes.Status204NoContent)
        {
            response.ContentLength = null;
        }

        if (response.Headers.Trailer.Count != 0 && !response.SupportsTrailers())
        {
            response.Headers.Remove(HeaderNames.Trailer);
        }
    }

    /// <summary>
    /// Takes white space from the ends of values for HTTP/2, which has no such values (RFC 9113 section 8.2.1); in HTTP/1.1 it does not count. It is
    /// left where an upstream sent a bare CR or NUL, which is read as a space.
    /// </summary>
    public static void TrimValues(HttpResponse response, HttpResponseMessage? upstream)
    {
        if (upstream is not null && HttpProtocol.IsHttp2(response.HttpContext.Request.Protocol))
        {
            TrimValues(response.Headers, upstream.Headers.NonValidated);
            TrimValues(response.Headers, upstream.Content.Headers.NonValidated);
        }
    }

    /// <summary>
    /// Sends the target as it was received. Decoding and encoding it again would change it (<c>%2F</c>, <c>//</c>, <c>/./</c>).
    /// Routes that rewrite path or query are sent what they made.
    /// </summary>
    public static void KeepTarget(HttpContext context, HttpRequestMessage request, string destinationPrefix)
    {
        if (request.RequestUri is null
            && context.Features[typeof(IHttpRequestFeature)] is IHttpRequestFeature { RawTarget: { } target }
            && PathAndQuery(target) is { } pathAndQuery)
        {
            request.RequestUri = Addresses.Of(destinationPrefix, pathAndQuery);
        }
    }

    private static void TrimValues(IHeaderDictionary headers, HttpHeadersNonValidated sent)
    {
        foreach (var (name, values) in sent)
        {
            foreach (string value in values)
            {
                if (value.Length != value.AsSpan().Trim(WhiteSpace).Length && headers.TryGetValue(name, out var copied))
                {
                    headers[name] = new StringValues([.. copied.Select(one => one?.Trim(' ', '\t'))]);
                    break;
                }
            }
        }
    }

    /// <summary>The part of a request target that an origin server is sent, or null where there is none (<c>*</c>, <c>host:port</c>).</summary>
    private static string? PathAndQuery(string target)
    {
        if (target.StartsWith('/'))
        {
            return target;
        }

        int scheme = target.IndexOf("://", StringComparison.Ordinal);
        if (scheme < 0)
        {
            return null;
        }

        int path = target.IndexOfAny(['/', '?'], scheme + 3);
        return path < 0 ? "/" : target[path] == '?' ? "/" + target[path..] : target[path..];
    }
}
