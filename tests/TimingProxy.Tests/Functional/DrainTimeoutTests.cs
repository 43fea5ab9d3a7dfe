using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace TimingProxy.Tests.Functional;

/// <summary>What becomes of requests that outlast <c>Health:DrainTimeout</c>.</summary>
[Collection(nameof(RunsAlone))]
public sealed class DrainTimeoutTests
{
    [Fact]
    public async Task Stop_WithRequestsThatOutlastIt_SaysOnceHowManyAreCut()
    {
        var arrived = new SemaphoreSlim(0);
        await using var backend = await Backend.StartAsync(async context =>
        {
            arrived.Release();
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address, "Health:DrainTimeout=100ms");
        await using var first = await proxy.ConnectAsync();
        await using var second = await proxy.ConnectAsync();
        await first.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        await second.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        await arrived.WaitAsync(TestContext.Current.CancellationToken);
        await arrived.WaitAsync(TestContext.Current.CancellationToken);

        await proxy.Services.GetRequiredService<IHost>().StopAsync(TestContext.Current.CancellationToken);

        Assert.True(await first.EndsAsync());
        Assert.True(await second.EndsAsync());
        var (level, text) = Assert.Single(proxy.Log, line => line.Text.Contains("DrainTimeout", StringComparison.Ordinal));
        Assert.Equal((LogLevel.Warning, "Health:DrainTimeout (100ms) is over: requests that are cut off: 2"), (level, text));
    }

    [Fact]
    public async Task Stop_WithNothingUnderWay_SaysNothing()
    {
        await using var backend = new RecordingBackend();
        var proxy = await ProxyHarness.StartAsync(backend.Address);
        // Stays open, so that the server has something to wait for.
        await using var client = await proxy.ConnectAsync();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        await client.ReceiveAsync();
        await proxy.NextAsync();

        await proxy.DisposeAsync();

        Assert.DoesNotContain(proxy.Log, line => line.Level >= LogLevel.Warning);
    }
}
