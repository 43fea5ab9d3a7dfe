using TimingProxy.Hostile;
using TimingProxy.Tests.Functional;

namespace TimingProxy.Tests.Hostile;

/// <summary>One proxy before an app that keeps every byte.</summary>
public sealed class HostileSetting : IAsyncLifetime
{
    internal ByteBackend Backend { get; } = new();

    internal ProxyHarness Proxy { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Proxy = await ProxyHarness.StartAsync(Backend.Address);

    public async ValueTask DisposeAsync()
    {
        await Proxy.DisposeAsync();
        await Backend.DisposeAsync();
    }
}

/// <summary>The corpus of <see cref="HostileRequests"/> against the proxy, byte for byte.</summary>
[Collection(nameof(RunsAlone))]
public sealed class HostileRequestTests
{
    private const string Last = "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

    public static TheoryData<string> Names => [.. HostileRequests.All.Select(one => one.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Request_OfTheCorpus_IsAnsweredAndReachesTheAppAsTheTableSays(string name)
    {
        var hostile = HostileRequests.Named(name);
        // Each has its own: an app may yet be reading what a request has left behind that was given up.
        await using var backend = new ByteBackend();
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        await using var client = await proxy.ConnectAsync();

        await client.SendAsync(hostile.Bytes);
        if (hostile.Status == 0)
        {
            await proxy.UntilAsync(() => backend.Bytes.Contains("\r\n\r\n", StringComparison.Ordinal));
            client.Reset();
            await proxy.NextAsync();
            Assert.Empty(backend.Whole);
            return;
        }

        var answer = await client.ReceiveAsync();
        Assert.Equal(hostile.Status, answer.Status);
        if (hostile.Reach == Reach.Whole)
        {
            // Whatever the proxy still holds of the bytes would be answered, and reach the app, before this.
            if (!hostile.Bytes.Contains("HTTP/1.0", StringComparison.Ordinal))
            {
                await client.SendAsync(Last);
                Assert.Equal(200, (await client.ReceiveAsync()).Status);
            }

            Assert.True(await client.EndsAsync());
            string[] lines = hostile.AtApp.Split('\n');
            Assert.Equal([lines[0], .. hostile.Bytes.Contains("HTTP/1.0", StringComparison.Ordinal) ? (string[])[] : ["GET /last HTTP/1.1"]], backend.Whole);
            string head = backend.Bytes[..backend.Bytes.IndexOf("\r\n\r\n", StringComparison.Ordinal)];
            Assert.All(lines, line => Assert.Contains(line, head.Split("\r\n")));
            Assert.DoesNotContain("h2c", backend.Bytes, StringComparison.OrdinalIgnoreCase);
            return;
        }

        Assert.True(await client.EndsAsync());
        Assert.Empty(backend.Whole);
        if (hostile.Reach == Reach.Nothing)
        {
            Assert.Equal("", backend.Bytes);
        }
    }
}
