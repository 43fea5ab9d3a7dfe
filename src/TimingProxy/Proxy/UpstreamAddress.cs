using System.Diagnostics.CodeAnalysis;

namespace TimingProxy.Proxy;

/// <summary>
/// An upstream's address as users write it (<c>http://</c>, <c>https://</c>, <c>h2c://</c>, <c>unix:/path.sock</c>) in the form that YARP
/// takes: an http(s) destination, and beside it what the scheme said more.
/// </summary>
/// <param name="Destination">Address of the YARP destination.</param>
/// <param name="UnixSocket">Path of the socket that is connected to in place of the destination's host; null for TCP.</param>
/// <param name="IsPriorKnowledgeHttp2">HTTP/2 in the clear, without negotiation.</param>
internal sealed record UpstreamAddress(string Destination, string? UnixSocket = null, bool IsPriorKnowledgeHttp2 = false)
{
    private const string UnixScheme = "unix:";
    private const string H2cScheme = "h2c://";

    /// <param name="text">Null, which YARP's reader leaves where none is set, is no address.</param>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out UpstreamAddress? address)
    {
        address = null;
        if (text is null)
        {
            return false;
        }

        if (text.StartsWith(UnixScheme, StringComparison.OrdinalIgnoreCase))
        {
            string path = text[UnixScheme.Length..];
            path = path.StartsWith("//", StringComparison.Ordinal) ? path[2..] : path;
            if (path.StartsWith('/'))
            {
                address = new UpstreamAddress("http://localhost/", UnixSocket: path);
            }
        }
        else if (text.StartsWith(H2cScheme, StringComparison.OrdinalIgnoreCase))
        {
            string destination = "http://" + text[H2cScheme.Length..];
            if (IsHttp(destination))
            {
                address = new UpstreamAddress(destination, IsPriorKnowledgeHttp2: true);
            }
        }
        else if (IsHttp(text))
        {
            address = new UpstreamAddress(text);
        }

        return address is not null;
    }

    private static bool IsHttp(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri)
        && (uri.Scheme == Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps)
        && uri.Host.Length != 0;
}
