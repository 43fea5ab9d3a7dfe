using System.Collections.ObjectModel;
using System.Net;
using TimingProxy.Settings;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;

namespace TimingProxy.Proxy;

/// <summary>
/// Lets every cluster, not only the shorthand's, name its destinations as <see cref="UpstreamAddress"/> does, and turns
/// <c>ActivityTimeout</c> off where nobody has set it: silence is bounded by <c>Upstream:Timeout</c>, and a stream may be idle.
/// </summary>
internal sealed class UpstreamAddressFilter : IProxyConfigFilter
{
    /// <summary>Key of the cluster metadata that carries the path of a Unix socket to the client factory.</summary>
    public const string UnixSocketKey = "TimingProxy.UnixSocket";

    public ValueTask<ClusterConfig> ConfigureClusterAsync(ClusterConfig cluster, CancellationToken cancel)
    {
        var request = cluster.HttpRequest ?? ForwarderRequestConfig.Empty;
        request = request with
        {
            ActivityTimeout = request.ActivityTimeout ?? Timeout.InfiniteTimeSpan,
            Version = request.Version ?? HttpVersion.Version11,
            VersionPolicy = request.VersionPolicy ?? (request.Version is null ? HttpVersionPolicy.RequestVersionExact : null),
        };
        if (cluster.Destinations is not { Count: > 0 } destinations)
        {
            return ValueTask.FromResult(cluster with { HttpRequest = request });
        }

        var converted = new Dictionary<string, DestinationConfig>(StringComparer.OrdinalIgnoreCase);
        var metadata = new Dictionary<string, string>(cluster.Metadata ?? ReadOnlyDictionary<string, string>.Empty);
        foreach (var (id, destination) in destinations)
        {
            string name = $"ReverseProxy:Clusters:{cluster.ClusterId}:Destinations:{id}:Address";
            if (!UpstreamAddress.TryParse(destination.Address, out var address))
            {
                string what = destination.Address is null ? $"{name}: not set" : $"{name} = \"{destination.Address}\": not an address";
                throw new ArgumentException(
                    $"{what}; write http://host:port, https://host:port, h2c://host:port or unix:/path.sock");
            }

            converted[id] = destination with { Address = address.Destination };
            if (address.IsPriorKnowledgeHttp2)
            {
                request = request with { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
            }

            if (address.UnixSocket is { } path)
            {
                if (destinations.Count > 1)
                {
                    throw new ArgumentException(
                        $"{name} = \"{destination.Address}\": a Unix socket must be the only destination of its cluster; give each socket a cluster of its own");
                }

                try
                {
                    SettingKinds.CheckSocketPath(destination.Address, path);
                }
                catch (FormatException error)
                {
                    throw new ArgumentException($"{name} = {error.Message}");
                }

                metadata[UnixSocketKey] = path;
            }
        }

        return ValueTask.FromResult(cluster with { HttpRequest = request, Destinations = converted, Metadata = metadata });
    }

    public ValueTask<RouteConfig> ConfigureRouteAsync(RouteConfig route, ClusterConfig? cluster, CancellationToken cancel) =>
        ValueTask.FromResult(route);
}
