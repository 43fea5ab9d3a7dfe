using TimingProxy.Tests.Functional;

namespace TimingProxy.Tests.Hostile;

/// <summary>One proxy before an app that answers with the case its target names.</summary>
public sealed class HostileAppSetting : IAsyncLifetime
{
    private readonly RawBackend _backend = new(async wire =>
    {
        while (await wire.TryReadHeadAsync() is { } head)
        {
            string target = head.StartLine.Split(' ')[1];
            if (target == "/clean")
            {
                await wire.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nclean");
                continue;
            }

            await wire.SendAsync(HostileResponses.All[int.Parse(target[1..], System.Globalization.CultureInfo.InvariantCulture)].Bytes);
            return;
        }
    });

    internal ProxyHarness Proxy { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Proxy = await ProxyHarness.StartAsync(_backend.Address);

    public async ValueTask DisposeAsync()
    {
        await Proxy.DisposeAsync();
        await _backend.DisposeAsync();
    }
}

/// <summary>The corpus of <see cref="HostileResponses"/> against clients of both versions.</summary>
[Collection(nameof(RunsAlone))]
public sealed class HostileResponseTests(HostileAppSetting setting) : IClassFixture<HostileAppSetting>
{
    public static TheoryData<string> Names => [.. HostileResponses.All.Select(one => one.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Response_OfTheCorpus_ReachesTheClientAsTheTableSays(string name)
    {
        var (hostile, index) = HostileResponses.All.Select((one, at) => (one, at)).Single(pair => pair.one.Name == name);
        var proxy = setting.Proxy;

        string[] right = hostile.Client == HostileResponses.Torn ? [HostileResponses.Torn, HostileResponses.BadGateway] : [hostile.Client];
        Assert.Contains(await SeenOverHttp1Async(index, hostile.Bad), right);
        Assert.Contains(await SeenOverHttp2Async(index, hostile.Bad), right);
        Assert.Equal("clean", (await proxy.GetAsync("/clean")).Body);
        Assert.Equal("clean", (await proxy.GetAsync("/clean")).Body);
    }

    private async Task<string> SeenOverHttp1Async(int index, string? bad)
    {
        await using var client = await setting.Proxy.ConnectAsync();
        await client.SendAsync($"GET /{index} HTTP/1.1\r\nHost: a\r\n\r\n");
        try
        {
            var answer = await client.ReceiveAsync();
            Assert.All(answer.Head.Headers, header =>
            {
                Assert.NotEqual("X-Injected", header.Name);
                Assert.False(header.Value.AsSpan().ContainsAny('\r', '\n', '\0'), header.Value);
            });
            Assert.Equal(bad, answer.Value("X-Bad"));
            if (answer.Status == 502)
            {
                return HostileResponses.BadGateway;
            }

            // The connection is good for more, and holds nothing else.
            await client.SendAsync("GET /clean HTTP/1.1\r\nHost: a\r\n\r\n");
            Assert.Equal("clean", (await client.ReceiveAsync()).Body);
            return $"{answer.Status} {answer.Body}";
        }
        catch (IOException)
        {
            return HostileResponses.Torn;
        }
    }

    private async Task<string> SeenOverHttp2Async(int index, string? bad)
    {
        using var client = setting.Proxy.Client();
        try
        {
            using var response = await client.GetAsync($"/{index}", TestContext.Current.CancellationToken);
            Assert.Equal(bad, response.Headers.NonValidated.TryGetValues("X-Bad", out var values) ? values.ToString() : null);
            return (int)response.StatusCode == 502
                ? HostileResponses.BadGateway
                : $"{(int)response.StatusCode} {await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)}";
        }
        catch (HttpRequestException)
        {
            return HostileResponses.Torn;
        }
    }
}
