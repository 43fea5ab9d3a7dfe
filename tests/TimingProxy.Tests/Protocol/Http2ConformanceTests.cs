using System.Text;
using TimingProxy.Tests.Functional;
using TimingProxy.Tests.Hostile;

namespace TimingProxy.Tests.Protocol;

/// <summary>
/// Own cases against RFC 9113, for there is no suite to be had as a package. What a malformed request is answered, and that not a byte of it
/// reaches the app. docs/transparency.md lists what is covered.
/// </summary>
[Collection(nameof(RunsAlone))]
public sealed class Http2ConformanceTests(HostileSetting setting) : IClassFixture<HostileSetting>
{
    private static readonly Dictionary<string, byte[]> Malformed = new()
    {
        // Section 8.2: fields.
        ["name in capitals"] = Http2Wire.Request("GET", ("X-A", "x")),
        ["name with a space"] = Http2Wire.Request("GET", ("x a", "x")),
        ["name with a colon"] = Http2Wire.Request("GET", ("x:a", "x")),
        ["name with CR LF"] = Http2Wire.Request("GET", ("x\r\ny", "x")),
        ["name with a parenthesis"] = Http2Wire.Request("GET", ("x(a)", "x")),
        ["empty name"] = Http2Wire.Request("GET", ("", "x")),
        ["value with CR LF"] = Http2Wire.Request("GET", ("x-a", "a\r\nx-injected: 1")),
        ["value with LF"] = Http2Wire.Request("GET", ("x-a", "a\nx-injected: 1")),
        ["value with CR"] = Http2Wire.Request("GET", ("x-a", "a\rb")),
        ["value with NUL"] = Http2Wire.Request("GET", ("x-a", "a\0b")),
        ["connection"] = Http2Wire.Request("GET", ("connection", "close")),
        ["transfer-encoding"] = Http2Wire.Request("POST", ("transfer-encoding", "chunked")),
        ["te but trailers"] = Http2Wire.Request("GET", ("te", "gzip")),
        // Section 8.3: pseudo headers.
        ["pseudo header after a field"] = Http2Wire.Block((":method", "GET"), (":scheme", "http"), (":authority", "a"), ("x-a", "x"), (":path", "/")),
        ["pseudo header twice"] = Http2Wire.Request("GET", (":path", "/other")),
        ["pseudo header nobody knows"] = Http2Wire.Request("GET", (":x", "x")),
        ["pseudo header of a response"] = Http2Wire.Request("GET", (":status", "200")),
        ["no method"] = Http2Wire.Block((":scheme", "http"), (":path", "/"), (":authority", "a")),
        ["no path"] = Http2Wire.Block((":method", "GET"), (":scheme", "http"), (":authority", "a")),
        ["no scheme"] = Http2Wire.Block((":method", "GET"), (":path", "/"), (":authority", "a")),
        ["empty path"] = Path(""),
        ["path without a slash"] = Path("x"),
        ["path with a space"] = Path("/ HTTP/1.1"),
        ["path with CR LF"] = Path("/ HTTP/1.1\r\nx-injected: 1"),
        ["path with LF"] = Path("/\nx"),
        ["path with NUL"] = Path("/\0"),
        ["path with DEL"] = Path("/\u007f"),
        ["path with raw Latin-1"] = Path("/\u00e9"),
        ["path that is absolute"] = Path("http://a/"),
        ["method with a space"] = Http2Wire.Request("GET / HTTP/1.1"),
        ["method with CR LF"] = Http2Wire.Request("GET / HTTP/1.1\r\nx-injected: 1"),
        ["authority with CR LF"] = Authority("a\r\nx-injected: 1"),
        ["authority with a space"] = Authority("a b"),
        ["authority with user information"] = Authority("a@b"),
        ["authority with a path"] = Authority("a/b"),
        ["scheme with CR LF"] = Http2Wire.Block((":method", "GET"), (":scheme", "http\r\nx: 1"), (":path", "/"), (":authority", "a")),
        ["two hosts"] = Http2Wire.Block((":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", "a"), ("host", "b")),
        ["signed length"] = Http2Wire.Request("POST", ("content-length", "+2")),
        ["two lengths"] = Http2Wire.Request("POST", ("content-length", "0"), ("content-length", "2")),
        ["length without a body"] = Http2Wire.Request("POST", ("content-length", "2")),
        ["CONNECT to an authority"] = Http2Wire.Block((":method", "CONNECT"), (":authority", "a:80")),
    };

    /// <summary>Frames that break the rules of the connection or of a stream, with the error code of the RFC.</summary>
    private static readonly Dictionary<string, (byte[] Frames, Http2Error Error)> Broken = new()
    {
        ["4.2: frame too large"] = (Http2Wire.Bytes(FrameType.Data, 0, 1, new byte[16_385]), Http2Error.FrameSize),
        ["4.3: header block that cannot be decoded"] = (Http2Wire.Bytes(FrameType.Headers, 5, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), Http2Error.Compression),
        ["5.1: data on an idle stream"] = (Http2Wire.Bytes(FrameType.Data, 1, 1, 1), Http2Error.Protocol),
        ["5.1: reset of an idle stream"] = (Http2Wire.Bytes(FrameType.ResetStream, 0, 1, 0, 0, 0, 8), Http2Error.Protocol),
        ["5.1: window of an idle stream"] = (Http2Wire.Bytes(FrameType.WindowUpdate, 0, 1, 0, 0, 0, 1), Http2Error.Protocol),
        ["5.1.1: even stream"] = (Http2Wire.Bytes(FrameType.Headers, 5, 2, Http2Wire.Request("GET")), Http2Error.Protocol),
        // The RFC has PROTOCOL_ERROR; the connection ends all the same.
        ["5.1.1: stream below an earlier one"] =
            ([.. Http2Wire.Bytes(FrameType.Headers, 4, 5, Http2Wire.Request("POST")), .. Http2Wire.Bytes(FrameType.Headers, 5, 3, Http2Wire.Request("GET"))], Http2Error.StreamClosed),
        ["6.1: data on stream 0"] = (Http2Wire.Bytes(FrameType.Data, 1, 0, 1), Http2Error.Protocol),
        ["6.1: padding longer than the frame"] =
            ([.. Http2Wire.Bytes(FrameType.Headers, 4, 1, Http2Wire.Request("POST")), .. Http2Wire.Bytes(FrameType.Data, Http2Wire.Padded, 1, 9, 1)], Http2Error.Protocol),
        ["6.2: headers on stream 0"] = (Http2Wire.Bytes(FrameType.Headers, 5, 0, Http2Wire.Request("GET")), Http2Error.Protocol),
        ["6.3: priority on stream 0"] = (Http2Wire.Bytes(FrameType.Priority, 0, 0, 0, 0, 0, 3, 1), Http2Error.Protocol),
        ["6.4: reset on stream 0"] = (Http2Wire.Bytes(FrameType.ResetStream, 0, 0, 0, 0, 0, 8), Http2Error.Protocol),
        ["6.4: reset of a wrong length"] = (Http2Wire.Bytes(FrameType.ResetStream, 0, 1, 0), Http2Error.FrameSize),
        ["6.5: settings on a stream"] = (Http2Wire.Bytes(FrameType.Settings, 0, 1), Http2Error.Protocol),
        ["6.5: settings of a wrong length"] = (Http2Wire.Bytes(FrameType.Settings, 0, 0, 0, 1, 0), Http2Error.FrameSize),
        ["6.5: acknowledgement with a payload"] = (Http2Wire.Bytes(FrameType.Settings, Http2Wire.Ack, 0, 0, 1, 0, 0, 0, 0), Http2Error.FrameSize),
        ["6.5.2: push neither on nor off"] = (Http2Wire.Bytes(FrameType.Settings, 0, 0, 0, 2, 0, 0, 0, 2), Http2Error.Protocol),
        ["6.5.2: window above 2^31 - 1"] = (Http2Wire.Bytes(FrameType.Settings, 0, 0, 0, 4, 0x80, 0, 0, 0), Http2Error.FlowControl),
        ["6.5.2: frame size below its least"] = (Http2Wire.Bytes(FrameType.Settings, 0, 0, 0, 5, 0, 0, 0, 1), Http2Error.Protocol),
        ["6.6: a client that pushes"] = (Http2Wire.Bytes(FrameType.PushPromise, 4, 1, 0, 0, 0, 2), Http2Error.Protocol),
        ["6.7: ping on a stream"] = (Http2Wire.Bytes(FrameType.Ping, 0, 1, new byte[8]), Http2Error.Protocol),
        ["6.7: ping of a wrong length"] = (Http2Wire.Bytes(FrameType.Ping, 0, 0, new byte[7]), Http2Error.FrameSize),
        ["6.8: goaway on a stream"] = (Http2Wire.Bytes(FrameType.GoAway, 0, 1, new byte[8]), Http2Error.Protocol),
        ["6.9: window that grows by nothing"] = (Http2Wire.Bytes(FrameType.WindowUpdate, 0, 0, 0, 0, 0, 0), Http2Error.Protocol),
        ["6.9: window of a wrong length"] = (Http2Wire.Bytes(FrameType.WindowUpdate, 0, 0, 0, 0, 1), Http2Error.FrameSize),
        ["6.9.1: window above 2^31 - 1"] = (Http2Wire.Bytes(FrameType.WindowUpdate, 0, 0, 0x7f, 0xff, 0xff, 0xff), Http2Error.FlowControl),
        ["6.10: continuation of nothing"] = (Http2Wire.Bytes(FrameType.Continuation, 4, 1, Http2Wire.Request("GET")), Http2Error.Protocol),
        ["6.10: another frame within a header block"] =
            ([.. Http2Wire.Bytes(FrameType.Headers, 1, 1, Http2Wire.Request("GET")), .. Http2Wire.Bytes(FrameType.Ping, 0, 0, new byte[8])], Http2Error.Protocol),
        ["6.10: continuation of another stream"] =
            ([.. Http2Wire.Bytes(FrameType.Headers, 1, 1, Http2Wire.Request("GET")), .. Http2Wire.Bytes(FrameType.Continuation, 4, 3, 0)], Http2Error.Protocol),
    };

    public static TheoryData<string> MalformedNames => [.. Malformed.Keys];

    public static TheoryData<string> BrokenNames => [.. Broken.Keys];

    [Theory]
    [MemberData(nameof(MalformedNames))]
    public async Task Request_Malformed_IsRefusedAndNothingReachesTheApp(string name)
    {
        setting.Backend.Forget();
        await using var wire = await Http2Wire.ConnectAsync(setting.Proxy.Address);

        await wire.HeadersAsync(1, Malformed[name]);

        var refusal = await wire.ReadUntilAsync(FrameType.Headers, FrameType.ResetStream, FrameType.GoAway);
        Assert.True(
            refusal is null || refusal.Type != FrameType.Headers || Status(refusal) is >= 400 and < 500,
            $"It was answered with {refusal?.Type} {Encoding.Latin1.GetString(refusal?.Payload ?? [])}.");
        Assert.Empty(setting.Backend.Whole);
        Assert.Equal("", name == "length without a body" ? "" : setting.Backend.Bytes);
        using var client = setting.Proxy.Client();
        Assert.Equal("hello", await client.GetStringAsync("/", TestContext.Current.CancellationToken));
    }

    [Theory]
    [MemberData(nameof(BrokenNames))]
    public async Task Frame_AgainstTheRules_IsTheErrorOfTheRfc(string name)
    {
        var (frames, error) = Broken[name];
        await using var wire = await Http2Wire.ConnectAsync(setting.Proxy.Address);

        await wire.SendAsync(frames);

        var answer = await wire.ReadUntilAsync(FrameType.ResetStream, FrameType.GoAway);
        Assert.Equal(error, answer?.Error);
    }

    [Theory]
    [InlineData("abc")]
    [InlineData("a")]
    public async Task Body_OtherThanItsLength_IsNeverCompletedAtTheApp(string body)
    {
        setting.Backend.Forget();
        await using var wire = await Http2Wire.ConnectAsync(setting.Proxy.Address);

        await wire.HeadersAsync(1, Http2Wire.Request("POST", ("content-length", "2")), isLast: false);
        await wire.SendAsync(FrameType.Data, Http2Wire.EndStream, 1, Encoding.ASCII.GetBytes(body));

        var refusal = await wire.ReadUntilAsync(FrameType.Headers, FrameType.ResetStream, FrameType.GoAway);
        Assert.True(refusal is null || refusal.Type != FrameType.Headers || Status(refusal) >= 400);
        Assert.Empty(setting.Backend.Whole);
    }

    [Fact]
    public async Task Rules_ThatABrokenPeerNeeds_AreKept()
    {
        await using var wire = await Http2Wire.ConnectAsync(setting.Proxy.Address);

        // Section 5.5 and 4.1: unknown frames, settings and flags are ignored; 6.7: a ping is answered with its own bytes.
        await wire.SendAsync((FrameType)0xbe, 0xff, 0, 1, 2, 3);
        await wire.SendAsync(FrameType.Settings, 0, 0, 0xff, 0xff, 0, 0, 0, 1);
        await wire.SendAsync(FrameType.Ping, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8);
        var pong = await wire.ReadUntilAsync(FrameType.Ping, FrameType.GoAway);
        Assert.Equal((FrameType.Ping, Http2Wire.Ack), (pong!.Type, pong.Flags));
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], pong.Payload);

        // Section 8.2.3: crumbs of a cookie are one cookie again; 6.1 and 6.2: padding is nobody's; 5.1: a stream after a stream.
        setting.Backend.Forget();
        await wire.HeadersAsync(1, Http2Wire.Request("GET", ("cookie", "a=b"), ("cookie", "c=d"), ("x-empty", "")));
        Assert.Equal(200, Status((await wire.ReadUntilAsync(FrameType.Headers, FrameType.GoAway))!));
        Assert.Contains("Cookie: a=b; c=d\r\n", setting.Backend.Bytes, StringComparison.OrdinalIgnoreCase);

        // Section 8.3.1: of an authority and another host the app sees the authority alone.
        setting.Backend.Forget();
        await wire.HeadersAsync(3, Http2Wire.Request("GET", ("host", "b")));
        Assert.Equal(200, Status((await wire.ReadUntilAsync(FrameType.Headers, FrameType.GoAway))!));
        Assert.Contains("Host: a\r\n", setting.Backend.Bytes, StringComparison.Ordinal);
        Assert.DoesNotContain("Host: b", setting.Backend.Bytes, StringComparison.OrdinalIgnoreCase);
    }

    private static byte[] Path(string path) => Http2Wire.Block((":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "a"));

    private static byte[] Authority(string authority) =>
        Http2Wire.Block((":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", authority));

    /// <summary>Of a response's first header: a field of the static table (200 is 8, 400 is 12), or a literal whose name is in it.</summary>
    private static int Status(Http2Frame headers)
    {
        byte first = headers.Payload[0];
        int[] indexed = [200, 204, 206, 304, 400, 404, 500];
        return (first & 0x80) != 0 ? indexed[(first & 0x7f) - 8] : int.Parse(Encoding.ASCII.GetString(headers.Payload, 2, 3), System.Globalization.CultureInfo.InvariantCulture);
    }
}
