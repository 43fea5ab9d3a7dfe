using System.Buffers;

namespace TimingProxy.AccessLog;

/// <summary>The trace id in a W3C <c>traceparent</c> header (Trace Context, section 3.2): <c>00-&lt;32 hex&gt;-&lt;16 hex&gt;-&lt;2 hex&gt;</c>.</summary>
internal static class TraceParent
{
    private const int Length = 55;
    private static readonly SearchValues<char> LowerHex = SearchValues.Create("0123456789abcdef");

    /// <summary>False where the header is missing or invalid: upper case, all zeros and version <c>ff</c> are.</summary>
    public static bool TryGetTraceId(ReadOnlySpan<char> header, out ReadOnlySpan<char> traceId)
    {
        traceId = default;
        if (header.Length < Length || header[2] != '-' || header[35] != '-' || header[52] != '-')
        {
            return false;
        }

        var version = header[..2];
        var trace = header[3..35];
        var parent = header[36..52];
        var flags = header[53..55];
        // A later version may have more after the flags; this one may not.
        bool hasGoodEnd = header.Length == Length || (version is not "00" && header[Length] == '-');
        if (!hasGoodEnd || version is "ff" || !IsHex(version) || !IsHex(trace) || !IsHex(parent) || !IsHex(flags) || IsZero(trace) || IsZero(parent))
        {
            return false;
        }

        traceId = trace;
        return true;
    }

    private static bool IsHex(ReadOnlySpan<char> text) => !text.ContainsAnyExcept(LowerHex);

    private static bool IsZero(ReadOnlySpan<char> text) => !text.ContainsAnyExcept('0');
}
