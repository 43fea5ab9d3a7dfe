using System.Buffers.Binary;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using TimingProxy.EndToEnd.Fixtures;
using TimingProxy.Tests.Protocol;

namespace TimingProxy.Tests.Functional;

/// <summary>
/// Upstreams spoken to over TLS whose answers break off in the middle of the body: no client, of either version, may take what came for
/// the whole, and what broke is not used again.
/// </summary>
[Collection(nameof(RunsAlone))]
public sealed class TornTlsAnswerTests : IDisposable
{
    private const string Part = "only so much";
    private const string Counted = $"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{Part}";
    private const string Chunked = $"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nC\r\n{Part}\r\n";
    private const string Clean = "clean";

    /// <summary>What comes first, and how it ends; what is not reset is closed then, without a <c>close_notify</c>.</summary>
    private static readonly Dictionary<string, (string Begin, Func<Wire, Task> EndAsync)> OfHttp1 = new()
    {
        ["counted body, TCP reset"] = (Counted, ResetAsync),
        ["chunked body, TCP reset"] = (Chunked, ResetAsync),
        ["within a chunk, TCP reset"] = (Chunked + "64\r\nand", ResetAsync),
        ["counted body, closed without close_notify"] = (Counted, CloseAsync),
        ["chunked body, closed without close_notify"] = (Chunked, CloseAsync),
        ["within a chunk, closed without close_notify"] = (Chunked + "64\r\nand", CloseAsync),
        ["counted body, closed with close_notify"] = (Counted, wire => ((SslStream)wire.Stream).ShutdownAsync()),
        ["chunked body, closed with close_notify"] = (Chunked, wire => ((SslStream)wire.Stream).ShutdownAsync()),
    };

    /// <summary>Whether the connection is good for more after it.</summary>
    private static readonly Dictionary<string, Func<Wire, Http2Wire, int, Task<bool>>> OfHttp2 = new()
    {
        ["RST_STREAM with an error"] = (_, http2, stream) => ResetStreamAsync(http2, stream, Http2Error.Internal),
        ["RST_STREAM without an error"] = (_, http2, stream) => ResetStreamAsync(http2, stream, Http2Error.None),
        ["GOAWAY with an error, then closed"] = (_, http2, stream) => GoAwayAsync(http2, stream, Http2Error.Internal),
        ["GOAWAY without an error, then closed"] = (_, http2, stream) => GoAwayAsync(http2, stream, Http2Error.None),
        ["GOAWAY that disowns the stream"] = (_, http2, _) => GoAwayAsync(http2, lastStream: 0, Http2Error.None),
        ["TCP reset"] = async (wire, _, _) =>
        {
            await ResetAsync(wire);
            return false;
        },
        ["closed without close_notify"] = (_, _, _) => Task.FromResult(false),
    };

    private readonly X509Certificate2 _certificate = SelfMadeCertificate.For("localhost");
    private readonly TaskCompletionSource _partArrived = new();

    public static TheoryData<string, int> TornInHttp1 => WithEitherClient(OfHttp1.Keys);

    public static TheoryData<string, int> TornInHttp2 => WithEitherClient(OfHttp2.Keys);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => _certificate.Dispose();

    [Theory]
    [MemberData(nameof(TornInHttp1))]
    public Task Http1Answer_TornInTheBody_EndsUncleanAndTheNextIsServed(string how, int client)
    {
        int requests = 0;
        return AssertTornAsync(client, "1.1", SslApplicationProtocol.Http11, async wire =>
        {
            while (await wire.TryReadHeadAsync() is not null)
            {
                if (Interlocked.Increment(ref requests) > 1)
                {
                    await wire.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {Clean.Length}\r\n\r\n{Clean}");
                    continue;
                }

                await wire.SendAsync(OfHttp1[how].Begin);
                await _partArrived.Task;
                await OfHttp1[how].EndAsync(wire);
                return;
            }
        });
    }

    [Theory]
    [MemberData(nameof(TornInHttp2))]
    public Task Http2Answer_TornInTheBody_EndsUncleanAndTheNextIsServed(string how, int client)
    {
        int requests = 0;
        return AssertTornAsync(client, "2", SslApplicationProtocol.Http2, async wire =>
        {
            await using var http2 = await Http2Wire.AcceptAsync(wire.Stream);
            bool goesOn = true;
            while (goesOn && await http2.ReadUntilAsync(FrameType.Headers) is { } request)
            {
                bool isFirst = Interlocked.Increment(ref requests) == 1;
                await http2.HeadersAsync(request.Stream, Http2Wire.Block((":status", "200")), isLast: false);
                await http2.SendAsync(
                    FrameType.Data, isFirst ? (byte)0 : Http2Wire.EndStream, request.Stream, Encoding.ASCII.GetBytes(isFirst ? Part : Clean));
                if (isFirst)
                {
                    await _partArrived.Task;
                    goesOn = await OfHttp2[how](wire, http2, request.Stream);
                }
            }
        });
    }

    /// <summary>
    /// RFC 9112 section 9.8 has such a body incomplete without a <c>close_notify</c>. Many servers never send one (Python's do not), and proxies take
    /// the end for what it most likely is.
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Http1Answer_ThatLastsUntilTheEnd_IsWholeWithOrWithoutCloseNotify(bool isNotified)
    {
        await using var backend = Backend(SslApplicationProtocol.Http11, async wire =>
        {
            await wire.ReadHeadAsync();
            await wire.SendAsync($"HTTP/1.1 200 OK\r\n\r\n{Part}");
            if (isNotified)
            {
                await ((SslStream)wire.Stream).ShutdownAsync();
            }
        });
        await using var proxy = await ProxyHarness.StartBeforeTlsAsync(backend.Address.Port, "1.1");

        Assert.Equal(Part, (await proxy.GetAsync()).Body);
        Assert.Null((await proxy.NextAsync()).ErrorType);
    }

    private RawBackend Backend(SslApplicationProtocol protocol, Func<Wire, Task> script) =>
        new(script, new SslServerAuthenticationOptions { ServerCertificate = _certificate, ApplicationProtocols = [protocol] });

    private async Task AssertTornAsync(int version, string upstreamVersion, SslApplicationProtocol protocol, Func<Wire, Task> script)
    {
        await using var backend = Backend(protocol, script);
        await using var proxy = await ProxyHarness.StartBeforeTlsAsync(backend.Address.Port, upstreamVersion);
        using var client = proxy.Client(version);

        using (var response = await client.GetAsync("/torn", HttpCompletionOption.ResponseHeadersRead, Cancelled))
        {
            await using var body = await response.Content.ReadAsStreamAsync(Cancelled);
            byte[] part = new byte[Part.Length];
            await body.ReadExactlyAsync(part, Cancelled);
            Assert.Equal(Part, Encoding.ASCII.GetString(part));
            _partArrived.SetResult();
            await Assert.ThrowsAnyAsync<IOException>(() => body.CopyToAsync(Stream.Null, Cancelled));
        }

        Assert.Equal("body", (await proxy.NextAsync()).ErrorType);
        Assert.Equal(Clean, await client.GetStringAsync("/next", Cancelled));
        Assert.Null((await proxy.NextAsync()).ErrorType);
        Scrape? scrape = null;
        await proxy.UntilAsync(() => scrape?.Sum("timingproxy_request_failures_total") > 0, async () => scrape = await proxy.ScrapeAsync());
        Assert.Equal(1, scrape!.Sum("timingproxy_request_failures_total", ("error_type", "body")));
        Assert.Equal(1, scrape.Sum("timingproxy_request_failures_total"));
    }

    private static Task ResetAsync(Wire wire)
    {
        wire.Reset();
        return Task.CompletedTask;
    }

    private static Task CloseAsync(Wire wire) => Task.CompletedTask;

    private static async Task<bool> ResetStreamAsync(Http2Wire http2, int stream, Http2Error error)
    {
        await http2.SendAsync(FrameType.ResetStream, 0, stream, Numbers((int)error));
        return true;
    }

    private static async Task<bool> GoAwayAsync(Http2Wire http2, int lastStream, Http2Error error)
    {
        await http2.SendAsync(FrameType.GoAway, 0, 0, Numbers(lastStream, (int)error));
        return false;
    }

    private static byte[] Numbers(params int[] numbers)
    {
        byte[] bytes = new byte[4 * numbers.Length];
        for (int i = 0; i < numbers.Length; i++)
        {
            BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(4 * i), numbers[i]);
        }

        return bytes;
    }

    private static TheoryData<string, int> WithEitherClient(IEnumerable<string> cases)
    {
        var data = new TheoryData<string, int>();
        foreach (string one in cases)
        {
            data.Add(one, 1);
            data.Add(one, 2);
        }

        return data;
    }
}
