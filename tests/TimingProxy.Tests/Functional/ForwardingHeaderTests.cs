using System.Net.Sockets;

namespace TimingProxy.Tests.Functional;

/// <summary>What becomes of <c>X-Forwarded-…</c> and <c>Forwarded</c>, by mode and by peer.</summary>
[Collection(nameof(RunsAlone))]
public sealed class ForwardingHeaderTests
{
    [Theory]
    [InlineData("PassThrough", "203.0.113.9")]
    [InlineData("Append", "203.0.113.9, 127.0.0.1|203.0.113.9,127.0.0.1")]
    [InlineData("Set", "127.0.0.1")]
    public async Task XForwarded_ByMode(string mode, string expected)
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address, $"Forwarding:XForwarded={mode}");

        await proxy.GetAsync(headers: "X-Forwarded-For: 203.0.113.9\r\n");

        Assert.Contains((await backend.NextAsync()).Head.Value("X-Forwarded-For"), expected.Split('|'));
    }

    [Theory]
    [InlineData("X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\n", "203.0.113.9, 127.0.0.1", "https", "shop.example")]
    [InlineData("X-Forwarded-For: 203.0.113.9, 10.0.0.1\r\nX-Forwarded-For: 10.0.0.2\r\n", "203.0.113.9, 10.0.0.1, 10.0.0.2, 127.0.0.1", "http", "app.example")]
    [InlineData("X-Forwarded-For:\r\nX-Forwarded-Proto:\r\nX-Forwarded-Host:\r\n", "127.0.0.1", "http", "app.example")]
    [InlineData("", "127.0.0.1", "http", "app.example")]
    public async Task XForwarded_Append_AddsThePeerAndKeepsHowTheClientCameIn(string headers, string addresses, string scheme, string host)
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address, "Forwarding:XForwarded=Append", "Listen=http://*:0");

        await proxy.GetAsync(headers: headers + "X-Forwarded-Port: 443\r\nForwarded: for=203.0.113.9;proto=https\r\n");

        var (head, _) = await backend.NextAsync();
        Assert.Equal(addresses, string.Join(", ", head.Values("X-Forwarded-For")));
        Assert.Equal([scheme], head.Values("X-Forwarded-Proto"));
        Assert.Equal([host], head.Values("X-Forwarded-Host"));
        Assert.Equal(["443"], head.Values("X-Forwarded-Port"));
        Assert.Equal(["for=203.0.113.9;proto=https"], head.Values("Forwarded"));
    }

    [Fact]
    public async Task XForwarded_AppendOverAUnixSocket_KeepsTheAddressesThatCame()
    {
        string path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.sock");
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address, "Forwarding:XForwarded=Append", $"Listen=http://127.0.0.1:0;http://unix:{path}");
        using var client = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellationToken) =>
            {
                var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await connection.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
                return new NetworkStream(connection, ownsSocket: true);
            },
        });
        client.DefaultRequestHeaders.Add("X-Forwarded-For", "203.0.113.9");

        await client.GetStringAsync("http://app.example/", TestContext.Current.CancellationToken);

        var (head, _) = await backend.NextAsync();
        Assert.Equal(["203.0.113.9"], head.Values("X-Forwarded-For"));
        Assert.Equal(["app.example"], head.Values("X-Forwarded-Host"));
    }

    [Fact]
    public async Task XForwarded_Set_LeavesNothingOfWhatTheClientClaims()
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address, "Forwarding:XForwarded=Set");

        await proxy.GetAsync(headers:
            "X-Forwarded-Port: 443\r\nX-FORWARDED-SSL: on\r\nX-Forwarded-Proto: https\r\nForwarded: proto=https\r\nX-Other: 1\r\n"
            // To an app behind WSGI these are the same.
            + "X_Forwarded_Proto: https\r\nX-FORWARDED_FOR: 6.6.6.6\r\n");

        var (head, _) = await backend.NextAsync();
        Assert.Equal(
            ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"],
            head.Headers.Select(header => header.Name).Where(name => name.Contains("Forwarded", StringComparison.OrdinalIgnoreCase)).Order());
        Assert.Equal("http", head.Value("X-Forwarded-Proto"));
        Assert.Equal("1", head.Value("X-Other"));
    }

    [Theory]
    [InlineData("10.0.0.0/8", false)]
    [InlineData("127.0.0.0/8", true)]
    public async Task TrustedPeers_ForwardingHeaders_PassOnlyFromThem(string networks, bool pass)
    {
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address, $"Forwarding:TrustedPeers={networks}");

        await proxy.GetAsync(headers:
            "X-Forwarded-For: 203.0.113.9\r\nx-forwarded-host: evil\r\nX-FORWARDED-Custom: 1\r\nForwarded: for=1.2.3.4\r\nX-Other: 1\r\n"
            + "X_Forwarded_For: 6.6.6.6\r\nx-forwarded_proto: https\r\n");

        var (head, _) = await backend.NextAsync();
        Assert.Equal(pass ? 6 : 0, head.Headers.Count(header => header.Name.Contains("Forwarded", StringComparison.OrdinalIgnoreCase)));
        Assert.Equal("1", head.Value("X-Other"));
    }
}
