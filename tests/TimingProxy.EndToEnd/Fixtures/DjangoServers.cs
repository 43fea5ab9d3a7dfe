namespace TimingProxy.EndToEnd.Fixtures;

/// <summary>A server with the sample app, and a proxy in front of it.</summary>
public sealed record ProxiedApp(DjangoApp App, ProxyProcess Proxy);

/// <summary>Both servers with a proxy each, started when first asked for and shared by all tests that do not stop them.</summary>
public sealed class DjangoServers : IAsyncLifetime
{
    private readonly Dictionary<string, ProxiedApp> _started = [];

    public async Task<ProxiedApp> GetAsync(string server, CancellationToken cancellationToken)
    {
        if (!_started.TryGetValue(server, out var pair))
        {
            var app = await DjangoApp.StartAsync(server, cancellationToken);
            _started[server] = pair = new ProxiedApp(app, await ProxyProcess.InFrontOfAsync(app.Port, cancellationToken));
        }

        return pair;
    }

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var (app, proxy) in _started.Values)
        {
            await proxy.DisposeAsync();
            await app.DisposeAsync();
        }
    }
}

/// <summary>Tests that share <see cref="DjangoServers"/>.</summary>
[CollectionDefinition(Name)]
public sealed class DjangoTests : ICollectionFixture<DjangoServers>
{
    public const string Name = "Django";
}
