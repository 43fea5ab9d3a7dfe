namespace TimingProxy.Hostile;

/// <summary>What of a request reached the app.</summary>
public enum Reach
{
    /// <summary>Not a byte.</summary>
    Nothing,

    /// <summary>Its head, or less: the app was never told that the request is complete.</summary>
    Unfinished,

    /// <summary>One whole request.</summary>
    Whole,
}

/// <summary>Bytes that somebody may send to have one request read as two, or as another.</summary>
/// <param name="Name">What is wrong with them.</param>
/// <param name="Bytes">Latin-1: a character is a byte.</param>
/// <param name="Status">Of the one answer; 0 where the proxy waits for the rest.</param>
/// <param name="Reach">What the app got.</param>
/// <param name="AtApp">Where it got the whole: how its head begins and what it must hold, line by line; empty where that is of no interest.</param>
public sealed record HostileRequest(string Name, string Bytes, int Status, Reach Reach, string AtApp = "");

/// <summary>
/// The corpus as data. The rule: a head that a strict reading of RFC 9112 calls malformed never reaches the app, a body that turns out
/// malformed is never completed towards it, and the app never sees one request as two.
/// </summary>
public static class HostileRequests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n";
    private const string Post = "POST / HTTP/1.1\r\nHost: a\r\n";
    private const string Chunked = Post + "Transfer-Encoding: chunked\r\n";
    private const string Inner = "GET /inner HTTP/1.1\r\nHost: a\r\n\r\n";

    public static IReadOnlyList<HostileRequest> All { get; } =
    [
        // The request line (RFC 9112 section 3).
        Refused("no version", "GET /\r\nHost: a\r\n\r\n"),
        Refused("space before the method", " GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        Refused("two spaces after the method", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
        Passes("two spaces before the version", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1"),
        Refused("space after the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
        Refused("tab for a space", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        Refused("bare CR before the line's end", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"),
        Refused("lone LF ends", "GET / HTTP/1.1\nHost: a\n\n"),
        Refused("version in small letters", "GET / http/1.1\r\nHost: a\r\n\r\n", 505),
        Refused("version without a minor", "GET / HTTP/1\r\nHost: a\r\n\r\n"),
        Refused("version 1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505),
        Refused("version 2.0 without its preface", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        Refused("version 0.9", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505),
        Refused("method with an at sign", "G@T / HTTP/1.1\r\nHost: a\r\n\r\n"),
        Refused("method with a NUL", "GE\0T / HTTP/1.1\r\nHost: a\r\n\r\n"),
        Refused("target with a space", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
        Refused("target with a NUL", "GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n"),
        Refused("target with a bare CR", "GET /a\rb HTTP/1.1\r\nHost: a\r\n\r\n"),
        Refused("target with a control character", "GET /a\u0001b HTTP/1.1\r\nHost: a\r\n\r\n"),
        Refused("target with DEL", "GET /a\u007fb HTTP/1.1\r\nHost: a\r\n\r\n"),
        Refused("target with raw UTF-8", "GET /caf\u00c3\u00a9 HTTP/1.1\r\nHost: a\r\n\r\n"),
        Refused("target with raw Latin-1", "GET /caf\u00e9 HTTP/1.1\r\nHost: a\r\n\r\n"),
        Refused("query with raw UTF-8", "GET /?caf\u00c3\u00a9 HTTP/1.1\r\nHost: a\r\n\r\n"),
        Refused("query with a control character", "GET /?a\u0001b HTTP/1.1\r\nHost: a\r\n\r\n"),
        Refused("target with an encoded NUL", "GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n"),
        Refused("target without a slash", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        Refused("target that begins with a question mark", "GET ?a HTTP/1.1\r\nHost: a\r\n\r\n"),
        Refused("star of another method", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        Refused("absolute target of another host", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        Refused("absolute target with user information", "GET http://a@b/ HTTP/1.1\r\nHost: b\r\n\r\n"),
        Refused("absolute target without a host", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"),
        Refused("CONNECT to an authority", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 405),
        Refused("authority form of another method", "GET a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 405),
        Passes("encoded CR LF in the target", "GET /%0d%0aX-Injected:%201 HTTP/1.1\r\nHost: a\r\n\r\n", "GET /%0d%0aX-Injected:%201 HTTP/1.1"),
        Passes("encoded CR LF in the query", "GET /?a=%0D%0A%0D%0AGET%20/inner HTTP/1.1\r\nHost: a\r\n\r\n", "GET /?a=%0D%0A%0D%0AGET%20/inner HTTP/1.1"),
        Passes("empty line before the request", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1"),

        // Header lines (sections 5.1 and 5.2).
        Refused("name without a colon", Get + "no colon\r\n\r\n"),
        Refused("empty name", Get + ": x\r\n\r\n"),
        Refused("space before the colon", Get + "X-A : x\r\n\r\n"),
        Refused("tab before the colon", Get + "X-A\t: x\r\n\r\n"),
        Refused("space in a name", Get + "X A: x\r\n\r\n"),
        Refused("NUL in a name", Get + "X\0A: x\r\n\r\n"),
        Refused("parenthesis in a name", Get + "X(A): x\r\n\r\n"),
        Refused("parenthesis in a name, and no value", Get + "X(A):\r\n\r\n"),
        Refused("slash in a name", Get + "X/A: x\r\n\r\n"),
        Refused("DEL in a name", Get + "X\u007fA: x\r\n\r\n"),
        Refused("Latin-1 in a name", Get + "X-\u00e9: x\r\n\r\n"),
        Refused("NUL in a value", Get + "X-A: a\0b\r\n\r\n"),
        Refused("bare CR in a value", Get + "X-A: a\rb\r\n\r\n"),
        Refused("bare CR that hides a header", Get + "X-A: a\rContent-Length: 5\r\n\r\n"),
        Refused("bare CR before the line's end of a header", Get + "X-A: a\r\r\n\r\n"),
        Refused("lone LF that hides a header", Get + "X-A: a\nX-B: b\r\n\r\n"),
        Refused("lone LF ends the head", Get + "X-A: a\r\n\n"),
        Refused("folded line", Get + "X-A: a\r\n b\r\n\r\n"),
        Refused("line folded by a tab", Get + "X-A: a\r\n\tb\r\n\r\n"),
        Refused("first header line folded", "GET / HTTP/1.1\r\n X-A: a\r\nHost: a\r\n\r\n"),
        Refused("folded length", Post + "Content-Length:\r\n 2\r\n\r\nab"),
        Refused("folded coding", Post + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
        Passes("control character in a value", Get + "X-A: a\u0001b\r\n\r\n", "GET / HTTP/1.1\nX-A: a\u0001b"),
        Passes("underscores for hyphens", Post + "Transfer_Encoding: chunked\r\nContent_Length: 9\r\nContent-Length: 2\r\n\r\nab", "POST / HTTP/1.1\nContent-Length: 2"),

        // Host (section 3.2).
        Refused("no host", "GET / HTTP/1.1\r\n\r\n"),
        Refused("two hosts", Get + "Host: b\r\n\r\n"),
        Refused("the same host twice", Get + "Host: a\r\n\r\n"),
        Refused("host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
        Refused("host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
        Refused("host with user information", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"),
        Refused("host list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
        Refused("port that is no number", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"),
        Refused("host with raw Latin-1", "GET / HTTP/1.1\r\nHost: \u00e9\r\n\r\n"),

        // Lengths (section 6.2).
        Refused("signed length", Post + "Content-Length: +2\r\n\r\nab"),
        Refused("minus nothing", Post + "Content-Length: -0\r\n\r\n"),
        Refused("negative length", Post + "Content-Length: -2\r\n\r\nab"),
        Refused("empty length", Post + "Content-Length:\r\n\r\n"),
        Refused("hexadecimal length", Post + "Content-Length: 0x2\r\n\r\nab"),
        Refused("decimal point in the length", Post + "Content-Length: 2.0\r\n\r\nab"),
        Refused("exponent in the length", Post + "Content-Length: 2e0\r\n\r\nab"),
        Refused("two numbers in the length", Post + "Content-Length: 2 2\r\n\r\nab"),
        Refused("vertical tab before the length", Post + "Content-Length: \v2\r\n\r\nab"),
        Refused("no-break space before the length", Post + "Content-Length: \u00a02\r\n\r\nab"),
        Refused("list of lengths", Post + "Content-Length: 2, 2\r\n\r\nab"),
        Refused("length with a comma", Post + "Content-Length: 2,\r\n\r\nab"),
        Refused("two lengths that differ", Post + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc"),
        Refused("two equal lengths", Post + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nab"),
        Refused("length of 2^63", Post + "Content-Length: 9223372036854775808\r\n\r\nab"),
        Refused("length of 2^64 and 2", Post + "Content-Length: 18446744073709551618\r\n\r\nab"),
        Refused("length of a hundred digits", Post + $"Content-Length: {new string('1', 100)}\r\n\r\nab"),
        Refused("length of a hundred zeros", Post + $"Content-Length: {new string('0', 99)}2\r\n\r\nab"),
        Passes("length with leading zeros", Post + "Content-Length: 002\r\n\r\nab", "POST / HTTP/1.1\nContent-Length: 2"),
        Waits("length of 2^63 - 1 and little sent", Post + "Content-Length: 9223372036854775807\r\n\r\nab"),
        Passes("length that hides a request", Post + $"Content-Length: {Inner.Length}\r\n\r\n{Inner}", $"POST / HTTP/1.1\nContent-Length: {Inner.Length}"),
        Passes("GET whose body is a request", Get + $"Content-Length: {Inner.Length}\r\n\r\n{Inner}", $"GET / HTTP/1.1\nContent-Length: {Inner.Length}"),

        // Codings (section 6.1), and both at once (section 6.3).
        Refused("length, then coding", Post + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + Inner),
        Refused("coding, then length", Chunked + "Content-Length: 4\r\n\r\n0\r\n\r\n" + Inner),
        Refused("coding and a length of 0", Chunked + "Content-Length: 0\r\n\r\n0\r\n\r\n"),
        Refused("coding and what a length was displaced to", Chunked + "X-Content-Length: 4\r\n\r\n0\r\n\r\n"),
        Refused("two codings", Post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        Refused("two codings on two lines", Post + "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        Refused("chunked twice", Post + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
        Refused("chunked twice on two lines", Chunked + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        Refused("chunked is not the last", Post + "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
        Refused("chunked and a line without a value", Chunked + "Transfer-Encoding:\r\n\r\n0\r\n\r\n"),
        Refused("identity", Post + "Transfer-Encoding: identity\r\n\r\n"),
        Refused("identity beside a length", Post + "Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nab"),
        Refused("unknown coding", Post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        Refused("coding in quotes", Post + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"),
        Refused("coding with a parameter", Post + "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"),
        Refused("coding after a vertical tab", Post + "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n"),
        Refused("coding with a comma", Post + "Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n"),
        Refused("coding without a value beside a length", Post + "Transfer-Encoding:\r\nContent-Length: 2\r\n\r\nab"),
        Refused("coding with a space before the colon", Post + "Transfer-Encoding : chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"),
        Refused("coding of HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"),
        Passes("coding in other letters", Post + "Transfer-Encoding: CHUNKED\r\n\r\n2\r\nab\r\n0\r\n\r\n", "POST / HTTP/1.1\nTransfer-Encoding: chunked"),
        Passes("connection option that names the length", Post + "Connection: Content-Length\r\nContent-Length: 2\r\n\r\nab", "POST / HTTP/1.1\nContent-Length: 2"),
        Passes("connection option that names the coding", Chunked + "Connection: Transfer-Encoding\r\n\r\n2\r\nab\r\n0\r\n\r\n", "POST / HTTP/1.1\nTransfer-Encoding: chunked"),
        Passes("connection option that names the host", Get + "Connection: Host\r\n\r\n", "GET / HTTP/1.1\nHost: a"),
        Passes("upgrade to h2c", Get + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", "GET / HTTP/1.1"),

        // Chunks (section 7.1).
        Cut("chunk size that is none", Chunked + "\r\nzz\r\nab\r\n0\r\n\r\n"),
        Cut("empty chunk size", Chunked + "\r\n\r\nab\r\n0\r\n\r\n"),
        Cut("negative chunk size", Chunked + "\r\n-2\r\nab\r\n0\r\n\r\n"),
        Cut("signed chunk size", Chunked + "\r\n+2\r\nab\r\n0\r\n\r\n"),
        Cut("chunk size with a prefix", Chunked + "\r\n0x2\r\nab\r\n0\r\n\r\n"),
        Cut("space before the chunk size", Chunked + "\r\n 2\r\nab\r\n0\r\n\r\n"),
        Cut("huge chunk size", Chunked + "\r\nFFFFFFFFFFFFFFFFF\r\nab\r\n0\r\n\r\n"),
        Cut("chunk size of 2^32 and 2", Chunked + "\r\n100000002\r\nab\r\n0\r\n\r\n"),
        Cut("chunk size of ten digits", Chunked + "\r\n0000000002\r\nab\r\n0\r\n\r\n"),
        Cut("lone LF after the chunk size", Chunked + "\r\n2\nab\r\n0\r\n\r\n"),
        Cut("bare CR after the chunk size", Chunked + "\r\n2\rab\r\n0\r\n\r\n"),
        Cut("chunk extension with a lone LF", Chunked + "\r\n2;a\nab\r\n0\r\n\r\n"),
        Cut("chunk extension with a lone LF that hides a chunk", Chunked + "\r\n2;\nxx\r\n4f\r\n0\r\n\r\n" + Inner),
        Cut("chunk extension with a bare CR", Chunked + "\r\n2;a\rb\r\nab\r\n0\r\n\r\n"),
        Cut("chunk longer than its size", Chunked + "\r\n2\r\nabc\r\n0\r\n\r\n"),
        Cut("lone LF after the chunk", Chunked + "\r\n2\r\nab\n0\r\n\r\n"),
        Cut("no end after the chunk", Chunked + "\r\n2\r\nab0\r\n\r\n"),
        Cut("lone LF after the last chunk's size", Chunked + "\r\n2\r\nab\r\n0\n\r\n"),
        Waits("lone LF ends the trailers", Chunked + "\r\n2\r\nab\r\n0\r\n\n"),
        Cut("trailer without a colon", Chunked + "\r\n2\r\nab\r\n0\r\nno colon\r\n\r\n"),
        Cut("trailer with a space before the colon", Chunked + "\r\n2\r\nab\r\n0\r\nX-A : x\r\n\r\n"),
        Cut("trailer with a lone LF", Chunked + "\r\n2\r\nab\r\n0\r\nX-A: x\nX-B: x\r\n\r\n"),
        Cut("folded trailer", Chunked + "\r\n2\r\nab\r\n0\r\nX-A: x\r\n y\r\n\r\n"),
        Passes("chunk extension", Chunked + "\r\n2;a=\"b\"\r\nab\r\n0;c\r\n\r\n", "POST / HTTP/1.1\nTransfer-Encoding: chunked"),
        Passes("chunk size with leading zeros", Chunked + "\r\n0002\r\nab\r\n000\r\n\r\n", "POST / HTTP/1.1\nTransfer-Encoding: chunked"),
        Cut("length as a trailer", Chunked + "\r\n2\r\nab\r\n0\r\nContent-Length: 9\r\n\r\n"),
        Passes("coding and host as trailers", Chunked + "\r\n2\r\nab\r\n0\r\nTransfer-Encoding: gzip\r\nHost: b\r\n\r\n", "POST / HTTP/1.1\nTransfer-Encoding: chunked"),

        // Expectations.
        Passes("expectation nobody knows", Post + "Expect: 200-ok\r\nContent-Length: 2\r\n\r\nab", "POST / HTTP/1.1"),

        // HTTP/1.0 (sections 9.3 and 3.2).
        Passes("HTTP/1.0 without a host", "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1"),
        Refused("HTTP/1.0 body without a length", "POST / HTTP/1.0\r\nHost: a\r\n\r\n"),
    ];

    public static HostileRequest Named(string name) => All.Single(one => one.Name == name);

    private static HostileRequest Refused(string name, string bytes, int status = 400) => new(name, bytes, status, Reach.Nothing);

    private static HostileRequest Cut(string name, string bytes) => new(name, bytes, 400, Reach.Unfinished);

    private static HostileRequest Waits(string name, string bytes) => new(name, bytes, 0, Reach.Unfinished);

    private static HostileRequest Passes(string name, string bytes, string atApp) => new(name, bytes, 200, Reach.Whole, atApp);
}
