using System.Buffers.Text;

namespace TimingProxy.Benchmarks.Load;

/// <summary>Just enough of HTTP/1.1 to see where a small answer ends and what its timing header says.</summary>
internal static class Answer
{
    /// <summary>Length of the whole answer at the beginning of <paramref name="bytes"/>; 0 where it has not all come.</summary>
    /// <exception cref="InvalidDataException">The answer is no 200 with a length.</exception>
    public static int Length(ReadOnlySpan<byte> bytes)
    {
        int head = bytes.IndexOf("\r\n\r\n"u8);
        if (head < 0)
        {
            return 0;
        }

        if (!bytes.StartsWith("HTTP/1.1 200"u8))
        {
            throw new InvalidDataException($"not a 200: {System.Text.Encoding.Latin1.GetString(bytes[..head])}");
        }

        if (!Utf8Parser.TryParse(Value(bytes[..(head + 2)], "content-length"u8), out int body, out _))
        {
            throw new InvalidDataException($"no length: {System.Text.Encoding.Latin1.GetString(bytes[..head])}");
        }

        int length = head + 4 + body;
        return bytes.Length >= length ? length : 0;
    }

    /// <summary>Milliseconds in <c>X-Render-MS</c>; NaN where there are none.</summary>
    public static double RenderMs(ReadOnlySpan<byte> answer) =>
        Utf8Parser.TryParse(Value(answer, "x-render-ms"u8), out double milliseconds, out _) ? milliseconds : double.NaN;

    /// <param name="lowerCase">Name of the header, in lower case.</param>
    private static ReadOnlySpan<byte> Value(ReadOnlySpan<byte> head, ReadOnlySpan<byte> lowerCase)
    {
        while (true)
        {
            int end = head.IndexOf("\r\n"u8);
            if (end <= 0)
            {
                return [];
            }

            var line = head[..end];
            if (line.Length > lowerCase.Length && line[lowerCase.Length] == ':' && System.Text.Ascii.EqualsIgnoreCase(line[..lowerCase.Length], lowerCase))
            {
                return line[(lowerCase.Length + 1)..].TrimStart((byte)' ');
            }

            head = head[(end + 2)..];
        }
    }
}
