using System.Text;

namespace TimingProxy.Hosting;

/// <summary>
/// Reads the value of a request's <c>Connection</c> so that the server keeps the headers that it names, which end here (RFC 9110 section 7.6.1).
/// Where the server finds one word that it knows (<c>close</c>, <c>keep-alive</c>, <c>Upgrade</c>) it puts that word in the place of the whole
/// value, of all lines, and a client could so have passed to the app what no hop was to pass. Where it finds two it leaves the value as it is:
/// so a value that names a header is read with two words at its end. <c>close</c> is one of them, for the server goes by it, whatever else
/// there is; it costs such a client a connection for each request.
/// </summary>
internal sealed unsafe class ConnectionNames : Encoding
{
    private const string TwoWords = ", close, keep-alive";

    // The server's words, headers that end here without being named, and those without which a message cannot be read; the usual ones first.
    private static readonly byte[][] NoNames =
    [
        "keep-alive"u8.ToArray(), "close"u8.ToArray(), "Upgrade"u8.ToArray(), "TE"u8.ToArray(), "HTTP2-Settings"u8.ToArray(),
        "Host"u8.ToArray(), "Connection"u8.ToArray(), "Content-Length"u8.ToArray(), "Transfer-Encoding"u8.ToArray(),
    ];

    public override int GetCharCount(byte* bytes, int count) => CountOf(new ReadOnlySpan<byte>(bytes, count));

    public override int GetCharCount(byte[] bytes, int index, int count) => CountOf(bytes.AsSpan(index, count));

    public override int GetChars(byte* bytes, int byteCount, char* chars, int charCount) =>
        Read(new ReadOnlySpan<byte>(bytes, byteCount), new Span<char>(chars, charCount));

    public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex) =>
        Read(bytes.AsSpan(byteIndex, byteCount), chars.AsSpan(charIndex));

    public override int GetMaxCharCount(int byteCount) => byteCount + TwoWords.Length;

    public override int GetByteCount(char[] chars, int index, int count) => throw new NotSupportedException();

    public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) => throw new NotSupportedException();

    public override int GetMaxByteCount(int charCount) => throw new NotSupportedException();

    private static int CountOf(ReadOnlySpan<byte> value) => value.Length + (NamesAny(value) ? TwoWords.Length : 0);

    private static int Read(ReadOnlySpan<byte> value, Span<char> text)
    {
        int length = Latin1.GetChars(value, text);
        if (NamesAny(value))
        {
            TwoWords.CopyTo(text[length..]);
            length += TwoWords.Length;
        }

        return length;
    }

    /// <summary>Whether a header is named that would have to end here.</summary>
    private static bool NamesAny(ReadOnlySpan<byte> value)
    {
        foreach (var part in value.Split((byte)','))
        {
            var option = value[part].Trim(" \t"u8);
            if (!option.IsEmpty && !IsNoName(option))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsNoName(ReadOnlySpan<byte> option)
    {
        foreach (byte[] one in NoNames)
        {
            if (Ascii.EqualsIgnoreCase(option, one))
            {
                return true;
            }
        }

        return false;
    }
}
