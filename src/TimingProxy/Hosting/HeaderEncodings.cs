using System.Buffers;
using System.Text;
using Microsoft.Net.Http.Headers;

namespace TimingProxy.Hosting;

/// <summary>
/// How the server reads the bytes of request headers: as Latin-1, which maps each byte to one character and back. It is asked once a header,
/// before the value is parsed, so this is also where names and lengths are refused that the server would take and a backend may read otherwise.
/// </summary>
internal static class HeaderEncodings
{
    // RFC 9110 section 5.6.2.
    private static readonly SearchValues<char> Token =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    private static readonly Encoding Digits = new DigitsOnly();
    private static readonly Encoding Malformed = new Refused();

    public static Encoding OfRequest(string name) =>
        name == HeaderNames.ContentLength ? Digits : IsMalformed(name) ? Malformed : Encoding.Latin1;

    public static Encoding OfResponse(string name) => Encoding.Latin1;

    /// <summary>Pseudo headers of HTTP/2 come by here, too; the server knows them all, and no other name begins with a colon.</summary>
    private static bool IsMalformed(string name) => !name.StartsWith(':') && name.AsSpan().ContainsAnyExcept(Token);

    /// <summary>Turns every value, an empty one too, into a NUL, to which the server answers 400.</summary>
    private class Refused : Encoding
    {
        public override int GetByteCount(char[] chars, int index, int count) => throw new NotSupportedException();

        public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) => throw new NotSupportedException();

        public override int GetCharCount(byte[] bytes, int index, int count) => 1;

        public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex)
        {
            chars[charIndex] = '\0';
            return 1;
        }

        public override int GetMaxByteCount(int charCount) => throw new NotSupportedException();

        public override int GetMaxCharCount(int byteCount) => 1;
    }

    /// <summary>
    /// Lengths are digits alone (RFC 9112 section 6.2). The server reads numbers as people write them, with a sign and white space of any kind,
    /// and fails on one that is longer than its buffer.
    /// </summary>
    private sealed class DigitsOnly : Refused
    {
        // Of the largest long.
        private const int MostDigits = 19;

        public override int GetChars(ReadOnlySpan<byte> bytes, Span<char> chars)
        {
            if (bytes.Length is > 0 and <= MostDigits && !bytes.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
            {
                return Latin1.GetChars(bytes, chars);
            }

            // No number.
            chars[0] = 'x';
            return 1;
        }
    }
}
