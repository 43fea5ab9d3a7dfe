using System.Globalization;
using System.Text;

namespace TimingProxy.EndToEnd.Fixtures;

/// <summary>The first lines of a message as they came over the wire, in Latin-1 so that no byte is lost.</summary>
public sealed record MessageHead(string StartLine, IReadOnlyList<(string Name, string Value)> Headers)
{
    public int Status => int.Parse(StartLine.Split(' ')[1], CultureInfo.InvariantCulture);

    public IEnumerable<string> Values(string name) =>
        Headers.Where(h => h.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Select(h => h.Value);

    public string? Value(string name) => Values(name).FirstOrDefault();

    public bool Closes => Value("Connection")?.Contains("close", StringComparison.OrdinalIgnoreCase) ?? false;
}

/// <summary>Reads HTTP/1.1 messages without the niceties of a client library, which would hide differences.</summary>
public sealed class HttpReader(Stream stream)
{
    private byte[] _buffer = new byte[16 * 1024];
    private int _start;
    private int _end;

    /// <summary>Bytes that have come since the last call of <see cref="ResetReceived"/>.</summary>
    public long Received { get; private set; }

    public void ResetReceived() => Received = 0;

    /// <summary>Null when the connection ends before the first byte.</summary>
    public async Task<MessageHead?> ReadHeadAsync(CancellationToken cancellationToken)
    {
        if (await ReadLineAsync(cancellationToken) is not { } startLine)
        {
            return null;
        }

        var headers = new List<(string, string)>();
        while (true)
        {
            var line = await ReadLineAsync(cancellationToken) ?? throw Torn("the headers");
            if (line.Length == 0)
            {
                return new MessageHead(startLine, headers);
            }

            var colon = line.IndexOf(':', StringComparison.Ordinal);
            headers.Add(colon < 0 ? (line, "") : (line[..colon], line[(colon + 1)..].Trim(' ', '\t')));
        }
    }

    /// <param name="toTheEnd">Whether a body without a length lasts until the connection ends (a response's does).</param>
    /// <exception cref="EndOfStreamException">The connection ended cleanly, the message did not.</exception>
    public async Task<byte[]> ReadBodyAsync(MessageHead head, bool toTheEnd, CancellationToken cancellationToken)
    {
        using var body = new MemoryStream();
        await CopyBodyAsync(head, toTheEnd, body, cancellationToken);
        return body.ToArray();
    }

    /// <summary>As <see cref="ReadBodyAsync"/>, for bodies that are not to be kept: into <see cref="Stream.Null"/>.</summary>
    public async Task CopyBodyAsync(MessageHead head, bool toTheEnd, Stream body, CancellationToken cancellationToken)
    {
        if (head.Value("Transfer-Encoding") is { } coding && coding.EndsWith("chunked", StringComparison.OrdinalIgnoreCase))
        {
            while (true)
            {
                var line = await ReadLineAsync(cancellationToken) ?? throw Torn("a chunk's size");
                var size = int.Parse(line.Split(';')[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                if (size == 0)
                {
                    break;
                }

                await CopyAsync(body, size, cancellationToken);
                _ = await ReadLineAsync(cancellationToken) ?? throw Torn("a chunk's end");
            }

            while (await ReadLineAsync(cancellationToken) is { Length: > 0 })
            {
                // A trailer, of no interest here.
            }
        }
        else if (head.Value("Content-Length") is { } length)
        {
            await CopyAsync(body, long.Parse(length, CultureInfo.InvariantCulture), cancellationToken);
        }
        else if (toTheEnd)
        {
            while (await FillAsync(cancellationToken))
            {
                body.Write(_buffer, _start, _end - _start);
                _start = _end;
            }
        }
    }

    private async Task CopyAsync(Stream body, long count, CancellationToken cancellationToken)
    {
        while (count > 0)
        {
            if (_start == _end && !await FillAsync(cancellationToken))
            {
                throw Torn("the body");
            }

            var piece = (int)Math.Min(count, _end - _start);
            body.Write(_buffer, _start, piece);
            _start += piece;
            count -= piece;
        }
    }

    private async Task<string?> ReadLineAsync(CancellationToken cancellationToken)
    {
        var searched = 0;
        while (true)
        {
            var at = _buffer.AsSpan(_start + searched, _end - _start - searched).IndexOf((byte)'\n');
            if (at >= 0)
            {
                var length = searched + at + 1;
                var line = Encoding.Latin1.GetString(_buffer, _start, length).TrimEnd('\n').TrimEnd('\r');
                _start += length;
                return line;
            }

            searched = _end - _start;
            if (!await FillAsync(cancellationToken))
            {
                return searched == 0 ? null : throw Torn("a line");
            }
        }
    }

    private async Task<bool> FillAsync(CancellationToken cancellationToken)
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }

        if (_end == _buffer.Length)
        {
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        var read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken);
        _end += read;
        Received += read;
        return read > 0;
    }

    private static EndOfStreamException Torn(string where) => new($"The connection ended in {where}.");
}
