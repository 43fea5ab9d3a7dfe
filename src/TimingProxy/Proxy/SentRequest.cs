namespace TimingProxy.Proxy;

/// <summary>
/// What a connection knows of the request that was written to it last, until the first byte of the answer comes. A backend that closes an
/// idle connection while a request is on its way has not seen it, but cannot be told from one that died of it. So what may be sent again
/// is what RFC 9110 section 9.2.2 lets a proxy repeat: methods that are known to be idempotent.
/// </summary>
/// <remarks>
/// The handler sends a request without a body again where a connection that was used before just ends. It does not where the same is told
/// by a reset, which is what a backend's system answers to bytes that come after the close; and it does not look at the method.
/// A request's head comes in one write. What does not begin with a request line is none, and nothing is known of it: HTTP/2, TLS through a
/// forward proxy, and what passes on a connection that was upgraded, where an end is an end.
/// </remarks>
internal struct SentRequest
{
    /// <summary>Something was written since the last answer.</summary>
    public bool IsUnanswered { get; private set; }

    /// <summary>What was written is a request of HTTP/1.</summary>
    public bool IsRequest { get; private set; }

    /// <summary>That the connection breaks may be told as its mere end.</summary>
    public bool MayBeSentAgain { get; private set; }

    /// <summary>That the connection ends must be told as a failure.</summary>
    public bool MustNotBeSentAgain { get; private set; }

    /// <summary>Looks at what is about to be written; true where a request begins with it.</summary>
    /// <param name="isReused">Whether something was answered on this connection before.</param>
    public bool Begins(ReadOnlySpan<byte> bytes, bool isReused)
    {
        if (IsUnanswered)
        {
            return false;
        }

        IsUnanswered = true;
        IsRequest = IsRequestLine(bytes);
        MayBeSentAgain = isReused && IsRequest && IsIdempotent(bytes);
        MustNotBeSentAgain = !isReused || (IsRequest && !MayBeSentAgain);
        return IsRequest;
    }

    public void Answered() => this = default;

    /// <summary>
    /// RFC 9110 section 9.2.2, and of WebDAV (RFC 4918, 3253, 5323) what IANA's registry of methods calls idempotent, but for the methods of
    /// versioning: the registry has <c>CHECKOUT</c> among them, and a second one makes a second working resource.
    /// </summary>
    private static bool IsIdempotent(ReadOnlySpan<byte> bytes) =>
        bytes.StartsWith("GET "u8)
        || bytes.StartsWith("HEAD "u8)
        || bytes.StartsWith("OPTIONS "u8)
        || bytes.StartsWith("PUT "u8)
        || bytes.StartsWith("DELETE "u8)
        || bytes.StartsWith("TRACE "u8)
        || bytes.StartsWith("PROPFIND "u8)
        || bytes.StartsWith("REPORT "u8)
        || bytes.StartsWith("SEARCH "u8)
        || bytes.StartsWith("PROPPATCH "u8)
        || bytes.StartsWith("MKCOL "u8)
        || bytes.StartsWith("COPY "u8)
        || bytes.StartsWith("MOVE "u8)
        || bytes.StartsWith("UNLOCK "u8);

    /// <summary>Whether the first line is that of an HTTP/1 request; a frame of HTTP/2 or of a WebSocket begins with no printable character.</summary>
    private static bool IsRequestLine(ReadOnlySpan<byte> bytes)
    {
        int end = bytes.IndexOf((byte)'\r');
        return end > 0 && bytes[0] is > (byte)' ' and < 0x7F && bytes[..(end - 1)].EndsWith(" HTTP/1."u8);
    }
}
