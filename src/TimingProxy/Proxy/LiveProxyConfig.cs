using Microsoft.Extensions.Primitives;
using Yarp.ReverseProxy.Configuration;

namespace TimingProxy.Proxy;

/// <summary>The routes and clusters in force. YARP takes each published set whole, and finishes what is under way on the one before.</summary>
internal sealed class LiveProxyConfig : IProxyConfigProvider, IDisposable
{
    private readonly Lock _publishing = new();
    private CancellationTokenSource _replaced = new();
    private volatile Snapshot _current;

    public LiveProxyConfig(ProxyRoutes initial) => _current = new Snapshot(initial, new CancellationChangeToken(_replaced.Token));

    public ProxyRoutes Current => _current.Source;

    public IProxyConfig GetConfig() => _current;

    public void Publish(ProxyRoutes next)
    {
        lock (_publishing)
        {
            using var previous = _replaced;
            _replaced = new CancellationTokenSource();
            _current = new Snapshot(next, new CancellationChangeToken(_replaced.Token));
            previous.Cancel();
        }
    }

    public void Dispose() => _replaced.Dispose();

    private sealed record Snapshot(ProxyRoutes Source, IChangeToken ChangeToken) : IProxyConfig
    {
        public IReadOnlyList<RouteConfig> Routes => Source.Routes;

        public IReadOnlyList<ClusterConfig> Clusters => Source.Clusters;
    }
}
