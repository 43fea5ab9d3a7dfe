using TimingProxy.Settings;
using Yarp.ReverseProxy.Configuration;

namespace TimingProxy.Proxy;

/// <summary>Finds destinations that are the proxy itself, where the first request would go round until nothing is left.</summary>
internal static class OwnDestinations
{
    /// <param name="listensOnSettings">As in <see cref="AddressConflicts.Of"/>.</param>
    public static IEnumerable<SettingError> Errors(ProxyRoutes routes, ProxySettings settings, bool listensOnSettings) =>
        from cluster in routes.Clusters
        from destination in cluster.Destinations ?? new Dictionary<string, DestinationConfig>()
        let text = destination.Value.Address
        // The shorthand's own is told of under its own name.
        where text != settings.Upstream.Address && UpstreamAddress.TryParse(text, out _)
        let own = AddressConflicts.OwnAddress(text, settings, listensOnSettings)
        where own is not null
        let key = $"ReverseProxy:Clusters:{cluster.ClusterId}:Destinations:{destination.Key}:Address"
        select new SettingError(key, $"{key} = \"{text}\": that is this proxy itself ({own}); name the app's address, or listen elsewhere");
}
