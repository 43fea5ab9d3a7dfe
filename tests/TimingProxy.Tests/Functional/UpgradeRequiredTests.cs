namespace TimingProxy.Tests.Functional;

/// <summary>A 426 says to what; any other answer but 101 has no <c>Upgrade</c>.</summary>
[Collection(nameof(RunsAlone))]
public sealed class UpgradeRequiredTests
{
    /// <summary>RFC 9110 section 15.5.22: it says to what.</summary>
    [Fact]
    public async Task UpgradeRequired_ToHttp11_SaysToWhatAndGoesOn()
    {
        await using var backend = new RecordingBackend(
            "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nno");
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        await using var client = await proxy.ConnectAsync();

        for (int i = 0; i < 2; i++)
        {
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            var answer = await client.ReceiveAsync();
            Assert.Equal((426, "no"), (answer.Status, answer.Body));
            Assert.Equal(["websocket"], answer.Head.Values("Upgrade"));
            Assert.Equal("Upgrade, keep-alive", answer.Value("Connection"));
        }
    }

    [Theory]
    [InlineData("HTTP/1.1\r\nHost: a\r\nConnection: close")]
    [InlineData("HTTP/1.0")]
    public async Task UpgradeRequired_OnAConnectionThatEnds_SaysSo(string rest)
    {
        await using var backend = new RecordingBackend("HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nno");
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        await using var client = await proxy.ConnectAsync();

        await client.SendAsync($"GET / {rest}\r\n\r\n");

        var answer = await client.ReceiveAsync();
        Assert.Equal(("websocket", "Upgrade, close"), (answer.Value("Upgrade"), answer.Value("Connection")));
        Assert.True(await client.EndsAsync());
    }

    [Theory]
    [InlineData("426 Upgrade Required", 2)]
    [InlineData("200 OK", 1)]
    public async Task Upgrade_WhereItHasNoMeaning_IsLeftOut(string status, int version)
    {
        await using var backend = new RecordingBackend($"HTTP/1.1 {status}\r\nUpgrade: h2,h2c\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nno");
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        using var client = proxy.Client(version);

        using var response = await client.GetAsync("/", TestContext.Current.CancellationToken);

        Assert.Equal(int.Parse(status[..3], System.Globalization.CultureInfo.InvariantCulture), (int)response.StatusCode);
        Assert.False(response.Headers.Contains("Upgrade"));
        Assert.DoesNotContain(proxy.Log, line => line.Level >= LogLevel.Warning);
    }
}
