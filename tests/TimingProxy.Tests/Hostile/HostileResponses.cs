namespace TimingProxy.Tests.Hostile;

/// <summary>Bytes that an app may answer with to mislead a client, or the next request.</summary>
/// <param name="Name">What is wrong with them.</param>
/// <param name="Bytes">Latin-1: a character is a byte.</param>
/// <param name="Client">What the client gets: a status and a body, or that its connection is torn within the body.</param>
/// <param name="Bad">What the client gets as the value of the header <c>X-Bad</c>; null where there is none to be seen.</param>
internal sealed record HostileResponse(string Name, string Bytes, string Client, string? Bad = null);

/// <summary>
/// The corpus as data. The rule: the client gets one well-formed answer, a 502, or a torn one that nobody can take for whole; never
/// anything of these bytes as the answer to another request.
/// </summary>
internal static class HostileResponses
{
    public const string BadGateway = "502";

    /// <summary>Torn within the body, or a 502 where nothing had gone on to the client yet.</summary>
    public const string Torn = "torn";

    private const string Ok = "HTTP/1.1 200 OK\r\n";
    private const string Chunked = Ok + "Transfer-Encoding: chunked\r\n\r\n";
    private const string Poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";

    public static IReadOnlyList<HostileResponse> All { get; } =
    [
        // The status line.
        new("no HTTP at all", "this is no HTTP\r\n\r\n", BadGateway),
        new("no status line", "Content-Length: 2\r\n\r\nok", BadGateway),
        new("version 2", "HTTP/2 200 OK\r\nContent-Length: 2\r\n\r\nok", BadGateway),
        new("version 3.1", "HTTP/3.1 200 OK\r\nContent-Length: 2\r\n\r\nok", BadGateway),
        new("status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok", BadGateway),
        new("status of four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok", BadGateway),
        new("status with letters", "HTTP/1.1 2xx OK\r\nContent-Length: 2\r\n\r\nok", BadGateway),
        new("status 000", "HTTP/1.1 000 No\r\nContent-Length: 2\r\n\r\nok", BadGateway),
        new("switch of protocols that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n" + Poison, BadGateway),
        new("no space before the reason", "HTTP/1.1 200OK\r\nContent-Length: 2\r\n\r\nok", BadGateway),
        new("space before the status line", " HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", BadGateway),
        new("version in small letters", "http/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", BadGateway),
        new("bare CR in the reason", "HTTP/1.1 200 O\rK\r\nContent-Length: 2\r\n\r\nok", BadGateway),
        new("two CRs before the LF of a status line", "HTTP/1.1 200 OK\r\r\nContent-Length: 2\r\n\r\nok", BadGateway),
        new("continue that nobody asked for", "HTTP/1.1 100 Continue\r\n\r\n" + Ok + "Content-Length: 2\r\n\r\nok", "200 ok"),

        // Headers.
        new("space in a name", Ok + "X Bad: a\r\nContent-Length: 2\r\n\r\nok", BadGateway),
        new("space before the colon", Ok + "X-Bad : a\r\nContent-Length: 2\r\n\r\nok", "200 ok", "a"),
        new("name without a colon", Ok + "nothing\r\nContent-Length: 2\r\n\r\nok", BadGateway),
        new("empty name", Ok + ": a\r\nContent-Length: 2\r\n\r\nok", BadGateway),
        new("NUL in a name", Ok + "X-B\0ad: a\r\nContent-Length: 2\r\n\r\nok", BadGateway),
        new("control character in a value", Ok + "X-Bad: a\u0001b\r\nContent-Length: 2\r\n\r\nok", BadGateway),
        // A bare CR in a value may be read as a space (RFC 9112 section 2.2), and so may a NUL (RFC 9110 section 5.5); at the end of a value a
        // space is none of it (RFC 9112 section 5.1).
        new("NUL in a value", Ok + "X-Bad: a\0b\r\nContent-Length: 2\r\n\r\nok", "200 ok", "a b"),
        new("bare CR in a value", Ok + "X-Bad: a\rX-Injected: b\r\nContent-Length: 2\r\n\r\nok", "200 ok", "a X-Injected: b"),
        new("two CRs before the LF", Ok + "X-Bad: a\r\r\nContent-Length: 2\r\n\r\nok", "200 ok", "a"),
        new("two CRs in the line that ends the head", Ok + "Content-Length: 2\r\n\r\r\nok", BadGateway),
        new("folded line", Ok + "X-Folded: a\r\n b\r\nContent-Length: 2\r\n\r\nok", "200 ok"),
        new("lone LF ends", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "200 ok"),
        new("head that ends with the connection", Ok + "X-A: a\r\n", BadGateway),
        new("header section without end", Ok + string.Concat(Enumerable.Repeat($"X-A: {new string('v', 1000)}\r\n", 200)), BadGateway),

        // Lengths.
        new("signed length", Ok + "Content-Length: +2\r\n\r\nok", BadGateway),
        new("negative length", Ok + "Content-Length: -2\r\n\r\nok", BadGateway),
        new("length that is no number", Ok + "Content-Length: x\r\n\r\nok", BadGateway),
        new("length of 2^64 and 2", Ok + "Content-Length: 18446744073709551618\r\n\r\nok", BadGateway),
        new("list of lengths", Ok + "Content-Length: 2, 2\r\n\r\nok", BadGateway),
        new("two lengths that differ", Ok + "Content-Length: 2\r\nContent-Length: 4\r\n\r\nokok", BadGateway),
        new("length and coding", Ok + "Content-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "200 ok"),
        new("body shorter than its length", Ok + "Content-Length: 9\r\n\r\nok", Torn),
        new("body longer than its length", Ok + "Content-Length: 2\r\n\r\nok" + Poison, "200 ok"),
        new("204 with a length and a body", "HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\npoison", "204 "),
        new("205 with a length and a body", "HTTP/1.1 205 Reset Content\r\nContent-Length: 6\r\n\r\npoison", BadGateway),
        new("205 with chunks", "HTTP/1.1 205 Reset Content\r\nTransfer-Encoding: chunked\r\n\r\n6\r\npoison\r\n0\r\n\r\n", BadGateway),
        new("205 with no chunk but the last", "HTTP/1.1 205 Reset Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "205 "),
        new("304 with a body", "HTTP/1.1 304 Not Modified\r\n\r\n" + Poison, "304 "),

        // Codings and chunks.
        new("unknown coding", Ok + "Transfer-Encoding: gzip\r\n\r\nok", BadGateway),
        new("two codings", Ok + "Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", BadGateway),
        new("chunk size that is none", Chunked + "2\r\nok\r\nzz\r\n", Torn),
        new("first chunk size that is none", Chunked + "zz\r\nok\r\n", BadGateway),
        new("negative chunk size", Chunked + "2\r\nok\r\n-1\r\n", Torn),
        new("huge chunk size", Chunked + "2\r\nok\r\nFFFFFFFFFFFFFFFFF\r\n", Torn),
        new("chunk longer than its size", Chunked + "2\r\nok!\r\n0\r\n\r\n", Torn),
        new("chunks without an end", Chunked + "2\r\nok\r\n", Torn),
        new("trailer without a colon", Chunked + "2\r\nok\r\n0\r\nnothing\r\n\r\n", Torn),
        new("answer after the last chunk", Chunked + "2\r\nok\r\n0\r\n\r\n" + Poison, "200 ok"),
    ];
}
