using Microsoft.AspNetCore.Http;

namespace TimingProxy.Proxy;

/// <summary>
/// What a request says of the proxies before this one: <c>Forwarded</c> and <c>X-Forwarded-…</c>, whatever comes after that. A name with
/// underscores is the same: apps behind CGI or WSGI see <c>HTTP_X_FORWARDED_FOR</c> for either (RFC 3875 section 4.1.18).
/// </summary>
internal static class ForwardingHeaders
{
    public static void Remove(IHeaderDictionary headers)
    {
        foreach (string name in Among(headers.Keys))
        {
            headers.Remove(name);
        }
    }

    public static void Remove(HttpRequestMessage request)
    {
        foreach (string name in Among(request.Headers.NonValidated.Select(header => header.Key)))
        {
            request.Headers.Remove(name);
        }
    }

    private static List<string> Among(IEnumerable<string> names) => [.. names.Where(IsOne)];

    private static bool IsOne(string name) =>
        name.Equals("Forwarded", StringComparison.OrdinalIgnoreCase)
        || name.Replace('_', '-').StartsWith("X-Forwarded-", StringComparison.OrdinalIgnoreCase);
}
