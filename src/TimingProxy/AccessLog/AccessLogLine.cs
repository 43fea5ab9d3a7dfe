using System.Buffers;
using System.Globalization;
using System.Text.Json;
using TimingProxy.Timing;

namespace TimingProxy.AccessLog;

/// <summary>
/// Entries as JSON lines in one buffer that is used again and again. A line always has all fields; <c>error_type</c> and <c>trace_id</c> are
/// <c>null</c> where there is none. Milliseconds are written digit for digit as in the timing header.
/// </summary>
internal sealed class AccessLogLine : IDisposable
{
    private readonly ArrayBufferWriter<byte> _buffer = new(4096);
    private readonly Utf8JsonWriter _json;

    public AccessLogLine()
    {
        // The writer's own encoder escapes everything beyond plain ASCII: whatever a path holds, a line is one line, and harmless in a terminal.
        // Names and structure are ours and fixed, so that nothing is there to validate.
        _json = new Utf8JsonWriter(_buffer, new JsonWriterOptions { SkipValidation = true });
    }

    /// <summary>Complete lines, each ended by a line feed.</summary>
    public ReadOnlyMemory<byte> Written => _buffer.WrittenMemory;

    public void Append(in AccessLogEntry entry)
    {
        _json.Reset();
        _json.WriteStartObject();
        WriteTime(entry.Time);
        _json.WriteString("method"u8, entry.Method);
        _json.WriteString("path"u8, WithoutQuery(entry.Target));
        _json.WriteString("route"u8, entry.Route);
        _json.WriteNumber("status"u8, entry.Status);
        _json.WriteNumber("bytes_in"u8, entry.BytesIn);
        _json.WriteNumber("bytes_out"u8, entry.BytesOut);
        WriteMilliseconds("upstream_ms"u8, entry.UpstreamMs);
        WriteMilliseconds("upload_ms"u8, entry.UploadMs);
        WriteMilliseconds("queue_ms"u8, entry.QueueMs);
        WriteMilliseconds("body_ms"u8, entry.BodyMs);
        WriteMilliseconds("overhead_ms"u8, entry.OverheadMs);
        WriteMilliseconds("total_ms"u8, entry.TotalMs);
        _json.WriteNumber("in_flight"u8, entry.InFlight);
        _json.WriteString("error_type"u8, entry.ErrorType);
        WriteTraceId(entry.TraceParent);
        _json.WriteEndObject();
        _json.Flush();
        _buffer.Write("\n"u8);
    }

    public void Clear() => _buffer.ResetWrittenCount();

    public void Dispose() => _json.Dispose();

    private static ReadOnlySpan<char> WithoutQuery(string target)
    {
        int query = target.IndexOf('?', StringComparison.Ordinal);
        return query < 0 ? target : target.AsSpan(0, query);
    }

    private void WriteTime(DateTimeOffset time)
    {
        Span<byte> text = stackalloc byte[24];
        time.UtcDateTime.TryFormat(text, out int length, "yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        _json.WriteString("time"u8, text[..length]);
    }

    private void WriteMilliseconds(ReadOnlySpan<byte> name, double milliseconds)
    {
        _json.WritePropertyName(name);
        _json.WriteRawValue(Milliseconds.Format(milliseconds), skipInputValidation: true);
    }

    private void WriteTraceId(string? traceParent)
    {
        if (TraceParent.TryGetTraceId(traceParent, out var traceId))
        {
            _json.WriteString("trace_id"u8, traceId);
        }
        else
        {
            _json.WriteNull("trace_id"u8);
        }
    }
}
