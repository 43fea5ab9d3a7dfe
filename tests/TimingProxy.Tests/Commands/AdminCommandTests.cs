using System.Net;
using Microsoft.Extensions.Time.Testing;
using TimingProxy.Commands;
using TimingProxy.Hosting;
using TimingProxy.Settings;
using TimingProxy.Tests.Admin;
using Xunit;

namespace TimingProxy.Tests.Commands;

public sealed class AdminCommandTests : IDisposable
{
    private readonly Output _output = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _output.Dispose();

    [Theory]
    [InlineData("http://127.0.0.1:{0}")]
    [InlineData("http://localhost:{0}")]
    [InlineData("http://*:{0}")]
    [InlineData("http://0.0.0.0:{0}")]
    [InlineData("http://10.255.255.1:9;http://*:{0}")]
    public async Task Health_OfAReadyProxy_ExitsWithZero(string listen)
    {
        await using var host = await AdminHost.StartAsync();

        int exitCode = await new HealthCommand(TimeProvider.System).RunAsync(SettingsOf(host, listen), _output, Cancel);

        Assert.Equal(0, exitCode);
        Assert.Equal("ready", _output.ToString().Trim());
    }

    [Fact]
    public async Task Health_OfADrainingProxy_ExitsWithOneAndSaysWhy()
    {
        await using var host = await AdminHost.StartAsync();
        host.Readiness.MarkDraining();

        int exitCode = await new HealthCommand(TimeProvider.System).RunAsync(SettingsOf(host), _output, Cancel);

        Assert.Equal(1, exitCode);
        Assert.Equal("not ready: draining", _output.ToString().Trim());
    }

    [Fact]
    public async Task HealthAndDrain_OverAUnixSocket_Work()
    {
        string path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.sock");
        await using var host = await AdminHost.StartAsync(
            listen: kestrel => kestrel.ListenUnixSocket(path, options => options.Use(AdminConnection.Mark)));
        var settings = new ProxySettings { Admin = new AdminSettings { Listen = [$"http://unix:{path}"] } };

        Assert.Equal(0, await new HealthCommand(TimeProvider.System).RunAsync(settings, _output, Cancel));
        Assert.Equal(0, await new DrainCommand(TimeProvider.System).RunAsync(settings, wait: false, _output, Cancel));
        Assert.Equal(1, await new HealthCommand(TimeProvider.System).RunAsync(settings, _output, Cancel));
    }

    [Fact]
    public async Task Health_WithNobodyThere_ExitsWithOneAndNamesTheAddress()
    {
        var settings = new ProxySettings { Admin = new AdminSettings { Listen = ["http://127.0.0.1:1"] } };

        int exitCode = await new HealthCommand(TimeProvider.System).RunAsync(settings, _output, Cancel);

        Assert.Equal(1, exitCode);
        Assert.Contains("Admin:Listen = \"http://127.0.0.1:1\"", _output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Health_WithAFreePort_SaysThatItCannotBeKnown()
    {
        var settings = new ProxySettings { Admin = new AdminSettings { Listen = ["http://127.0.0.1:0"] } };

        Assert.Equal(1, await new HealthCommand(TimeProvider.System).RunAsync(settings, _output, Cancel));

        Assert.Contains("chosen at start", _output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Health_WithoutAnAnswer_GivesUpAtTheLimit()
    {
        var time = new FakeTimeProvider();
        using var silent = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var settings = new ProxySettings { Admin = new AdminSettings { Listen = [$"http://{silent.LocalEndpoint}"] } };

        var run = new HealthCommand(time).RunAsync(settings, _output, Cancel);
        time.Advance(AdminCall.Limit);

        Assert.Equal(1, await run.WaitAsync(TimeSpan.FromSeconds(30), Cancel));
        Assert.Contains("within 2 s", _output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Drain_OfARunningProxy_DrainsAndHoldsForTheDelay()
    {
        var time = new FakeTimeProvider();
        await using var host = await AdminHost.StartAsync();

        var run = new DrainCommand(time).RunAsync(SettingsOf(host), wait: true, _output, Cancel);
        await _output.Line.WaitAsync(TimeSpan.FromSeconds(30), Cancel);
        Assert.True(host.Readiness.IsDraining);
        Assert.False(run.IsCompleted);
        while (!run.IsCompleted)
        {
            time.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Yield();
        }

        Assert.Equal(0, await run);
        Assert.Equal("draining", _output.ToString().Trim());
    }

    [Fact]
    public async Task Drain_WithNobodyThere_ExitsWithOneAtOnce()
    {
        var settings = new ProxySettings { Admin = new AdminSettings { Listen = ["http://127.0.0.1:1"] } };

        Assert.Equal(1, await new DrainCommand(TimeProvider.System).RunAsync(settings, wait: true, _output, Cancel));
    }

    private static ProxySettings SettingsOf(AdminHost host, string listen = "http://127.0.0.1:{0}") => new()
    {
        Admin = new AdminSettings
        {
            Listen = [.. string.Format(System.Globalization.CultureInfo.InvariantCulture, listen, host.Admin.BaseAddress!.Port).Split(';')],
        },
    };

    /// <summary>Tells when the first line was written.</summary>
    private sealed class Output : StringWriter
    {
        private readonly TaskCompletionSource _line = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Line => _line.Task;

        public override async Task WriteLineAsync(ReadOnlyMemory<char> buffer, CancellationToken cancellationToken = default)
        {
            await base.WriteLineAsync(buffer, cancellationToken);
            _line.TrySetResult();
        }
    }
}
