using System.Collections.Concurrent;

namespace TimingProxy.Timing;

/// <summary>Requests and upgraded connections that a cluster holds at the moment.</summary>
internal sealed class ClusterLoad(string cluster)
{
    private int _activeRequests;
    private int _upgradedConnections;

    public string Cluster { get; } = cluster;

    /// <summary>Requests handed to the forwarder and not yet completed; upgraded connections are not among them.</summary>
    public int ActiveRequests => Volatile.Read(ref _activeRequests);

    public int UpgradedConnections => Volatile.Read(ref _upgradedConnections);

    public void RequestStarted() => Interlocked.Increment(ref _activeRequests);

    public void RequestUpgraded()
    {
        Interlocked.Decrement(ref _activeRequests);
        Interlocked.Increment(ref _upgradedConnections);
    }

    public void RequestCompleted(bool wasUpgraded)
    {
        if (wasUpgraded)
        {
            Interlocked.Decrement(ref _upgradedConnections);
        }
        else
        {
            Interlocked.Decrement(ref _activeRequests);
        }
    }
}

/// <summary>The load of every cluster that was ever forwarded to; cluster ids come from the configuration only.</summary>
internal sealed class ClusterLoads
{
    private readonly ConcurrentDictionary<string, ClusterLoad> _loads = new(StringComparer.Ordinal);

    public ICollection<ClusterLoad> All => _loads.Values;

    public ClusterLoad Of(string cluster) => _loads.GetOrAdd(cluster, static id => new ClusterLoad(id));
}
