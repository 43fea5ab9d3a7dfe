namespace TimingProxy.Proxy;

/// <summary>
/// What a connection knows of the request that was written to it last, until the first byte of the answer comes. A backend that closes an
/// idle connection while a request is on its way has not seen it, but cannot be told from one that died of it. So what may be sent again
/// is what RFC 9110 section 9.2.2 lets a proxy repeat: idempotent methods.
/// </summary>
/// <remarks>
/// The handler sends a request without a body again where a connection that was used before just ends. It does not where the same is told
/// by a reset, which is what a backend's system answers to bytes that come after the close; and it does not look at the method.
/// In HTTP/2 what is written is no request line, and nothing is known; nor is it of TLS through a forward proxy.
/// </remarks>
internal struct SentRequest
{
    private bool _isUnanswered;

    /// <summary>That the connection breaks may be told as its mere end.</summary>
    public bool MayBeSentAgain { get; private set; }

    /// <summary>That the connection ends must be told as a failure.</summary>
    public bool MustNotBeSentAgain { get; private set; }

    /// <summary>Looks at what is about to be written; true where a request begins with it.</summary>
    /// <param name="isReused">Whether something was answered on this connection before.</param>
    public bool Begins(ReadOnlySpan<byte> bytes, bool isReused)
    {
        if (_isUnanswered)
        {
            return false;
        }

        _isUnanswered = true;
        MustNotBeSentAgain = !isReused || IsMethod(bytes, "POST "u8) || IsMethod(bytes, "PATCH "u8) || IsMethod(bytes, "LOCK "u8);
        MayBeSentAgain = isReused
            && (IsMethod(bytes, "GET "u8) || IsMethod(bytes, "HEAD "u8) || IsMethod(bytes, "PUT "u8) || IsMethod(bytes, "DELETE "u8) || IsMethod(bytes, "OPTIONS "u8));
        return true;
    }

    public void Answered() => this = default;

    private static bool IsMethod(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> method) => bytes.StartsWith(method);
}
