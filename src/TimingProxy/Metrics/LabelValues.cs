using System.Collections.Frozen;

namespace TimingProxy.Metrics;

/// <summary>Label values that are bounded whatever a client sends, boxed once so that recording allocates nothing.</summary>
internal static class LabelValues
{
    // The semantic conventions' word for a method or code outside of the known ones.
    private const string Unknown = "_OTHER";

    // RFC 9110 section 9, and PATCH (RFC 5789).
    private static readonly FrozenSet<string> KnownMethods = FrozenSet.ToFrozenSet(
        ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"], StringComparer.Ordinal);

    private static readonly object[] StatusCodes = [.. Enumerable.Range(100, 500).Select(code => (object)code)];

    public static string Method(string method) => KnownMethods.Contains(method) ? method : Unknown;

    public static object StatusCode(int code) => code is >= 100 and <= 599 ? StatusCodes[code - 100] : Unknown;
}
