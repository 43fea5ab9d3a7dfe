using Microsoft.AspNetCore.Http;

namespace TimingProxy.Proxy;

/// <summary>What a request says of the proxies before this one: <c>Forwarded</c> and <c>X-Forwarded-…</c>, whatever comes after that.</summary>
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

    private static List<string> Among(IEnumerable<string> names) =>
        [.. names.Where(name => name.Equals("Forwarded", StringComparison.OrdinalIgnoreCase) || name.StartsWith("X-Forwarded-", StringComparison.OrdinalIgnoreCase))];
}
