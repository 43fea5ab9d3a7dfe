using System.Text;
using System.Text.Json;
using TimingProxy.AccessLog;
using TimingProxy.Timing;
using Xunit;

namespace TimingProxy.Tests.AccessLog;

public sealed class AccessLogLineTests
{
    private static readonly AccessLogEntry Entry = new(
        new DateTimeOffset(2024, 2, 29, 23, 59, 58, 7, TimeSpan.Zero),
        "POST", "/a%20b?token=1", "default", 201, 3, 4, 123.46, 0.015, 0.02, 0.025, 0, 1_234.567, 5,
        "timeout", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");

    [Fact]
    public void Line_WithEverything_HasTheFieldsOfTheContractInOrder()
    {
        string expected = """
            {"time":"2024-02-29T23:59:58.007Z","method":"POST","path":"/a%20b","route":"default","status":201,"bytes_in":3,"bytes_out":4,"upstream_ms":123.5,"upload_ms":0.0,"queue_ms":0.0,"body_ms":0.0,"overhead_ms":0.0,"total_ms":1234.6,"in_flight":5,"error_type":"timeout","trace_id":"0af7651916cd43dd8448eb211c80319c"}
            """ + "\n";

        Assert.Equal(expected, Write(Entry));
    }

    [Fact]
    public void Line_WithoutErrorAndTrace_HasNulls()
    {
        string line = Write(Entry with { ErrorType = null, TraceParent = null });

        Assert.EndsWith("\"error_type\":null,\"trace_id\":null}\n", line, StringComparison.Ordinal);
    }

    [Fact]
    public void Line_WithMilliseconds_HasTheTextOfTheHeader()
    {
        foreach (double milliseconds in new[] { 0, 0.04, 0.05, 0.3, 9.5, 10.05, 99.949, 999.94, 999.95, 12_345.6789, 86_400_000 })
        {
            string line = Write(Entry with { UpstreamMs = milliseconds });

            Assert.Contains($"\"upstream_ms\":{Milliseconds.Format(milliseconds)},", line, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("/\"}\n{\"status\":200")]
    [InlineData("/\\\u0000\u0001\u001b[31m\u007f\u0085\u2028")]
    [InlineData("/\ud800lone\udfff")]
    [InlineData("/é/日本/😀")]
    public void Line_WithAnyPath_IsOneLineOfAsciiThatReadsBack(string path)
    {
        string line = Write(Entry with { Target = path, Method = path, Route = path });

        Assert.Equal(line.Length - 1, line.IndexOf('\n', StringComparison.Ordinal));
        Assert.True(Ascii.IsValid(line));
        Assert.DoesNotContain(line[..^1], char.IsControl);
        using var json = JsonDocument.Parse(line);
        string expected = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(path));
        Assert.Equal(expected, json.RootElement.GetProperty("path").GetString());
    }

    [Theory]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", true)]
    [InlineData("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-more", true)]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-more", false)]
    [InlineData("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00more", false)]
    [InlineData("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", false)]
    [InlineData("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-00", false)]
    [InlineData("00-00000000000000000000000000000000-b7ad6b7169203331-00", false)]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-00", false)]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0", false)]
    [InlineData("00-0af7651916cd43dd8448eb211c80319cb7ad6b7169203331--00", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void TraceParent_OnlyWhereValid_GivesTheTraceId(string? header, bool isValid)
    {
        Assert.Equal(isValid, TraceParent.TryGetTraceId(header, out var traceId));
        Assert.Equal(isValid ? "0af7651916cd43dd8448eb211c80319c" : "", traceId.ToString());
    }

    private static string Write(in AccessLogEntry entry)
    {
        using var line = new AccessLogLine();
        line.Append(entry);
        return Encoding.UTF8.GetString(line.Written.Span);
    }
}
