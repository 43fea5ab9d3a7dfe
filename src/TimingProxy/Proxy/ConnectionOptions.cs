using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace TimingProxy.Proxy;

/// <summary>Headers that a <c>Connection</c> header names are meant for the next hop only, and end here (RFC 9110 section 7.6.1).</summary>
internal static class ConnectionOptions
{
    // Options that are no headers, and headers that the forwarder itself takes care of, or without which a message cannot be read.
    private static readonly HashSet<string> Kept = new(StringComparer.OrdinalIgnoreCase)
    {
        "close", "keep-alive", "Upgrade", "TE", "HTTP2-Settings", "Host", "Connection", "Content-Length", "Transfer-Encoding",
    };

    /// <summary>Removes from <paramref name="headers"/> what <paramref name="connection"/>, the value of the <c>Connection</c> header, names.</summary>
    public static void RemoveNamed(IHeaderDictionary headers, StringValues connection)
    {
        foreach (string? value in connection)
        {
            // Mostly it is one of two words.
            if (value is null or "keep-alive" or "close" || Kept.Contains(value))
            {
                continue;
            }

            foreach (string option in value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            {
                if (!Kept.Contains(option))
                {
                    headers.Remove(option);
                }
            }
        }
    }
}
