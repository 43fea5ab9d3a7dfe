using TimingProxy.Settings;
using Yarp.ReverseProxy.Configuration;

namespace TimingProxy.Proxy;

/// <summary>Everything that is wrong with a set of routes and clusters, all at once, found before any of it is in force.</summary>
internal sealed class ProxyConfigValidation(IConfigValidator validator, IEnumerable<IProxyConfigFilter> filters)
{
    public async ValueTask<IReadOnlyList<string>> ErrorsOfAsync(ProxyRoutes proxy, CancellationToken cancellationToken)
    {
        var errors = new List<string>();
        var clusters = new Dictionary<string, ClusterConfig>(StringComparer.OrdinalIgnoreCase);
        foreach (var cluster in proxy.Clusters)
        {
            if (!clusters.TryAdd(cluster.ClusterId, cluster))
            {
                errors.Add($"ReverseProxy:Clusters:{cluster.ClusterId}: defined twice; "
                    + "with TimingProxy:Upstream:Address set, the name \"upstream\" is taken by it: rename yours or unset the address");
                continue;
            }

            if (cluster.Destinations is not { Count: > 0 })
            {
                errors.Add($"ReverseProxy:Clusters:{cluster.ClusterId}:Destinations: there is none, so that each request of this cluster would be answered 503; "
                    + "write one: \"one\": { \"Address\": \"http://host:port\" }");
            }

            await CheckAsync(cluster, errors, cancellationToken);
        }

        var ids = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var sound = new List<RouteConfig>();
        foreach (var route in proxy.Routes)
        {
            bool isNew = ids.Add(route.RouteId);
            if (!isNew)
            {
                errors.Add($"ReverseProxy:Routes:{route.RouteId}: defined twice; "
                    + "with TimingProxy:Upstream:Address set, the name \"default\" is taken by it: rename yours or unset the address");
            }

            if (route.ClusterId is null)
            {
                errors.Add($"ReverseProxy:Routes:{route.RouteId}:ClusterId: not set, so that each request of this route would be answered 503; {ClusterMend(clusters)}");
            }
            else if (!clusters.ContainsKey(route.ClusterId))
            {
                errors.Add($"ReverseProxy:Routes:{route.RouteId}:ClusterId = \"{route.ClusterId}\": there is no such cluster; {ClusterMend(clusters)}");
            }

            errors.AddRange(Unsupported(route));
            var ofRoute = await validator.ValidateRouteAsync(route);
            errors.AddRange(ofRoute.Select(error => $"ReverseProxy:Routes:{route.RouteId}: {Sentence(error)}"));
            if (ofRoute.Count == 0 && Unroutable(route) is { } unroutable)
            {
                errors.Add(unroutable);
            }
            else if (ofRoute.Count == 0 && isNew)
            {
                sound.Add(route);
            }
        }

        return [.. errors, .. AlikeRoutes.Errors(sound)];
    }

    private static string ClusterMend(Dictionary<string, ClusterConfig> clusters) => clusters.Count == 0
        ? "there is none: define one in ReverseProxy:Clusters, or set TimingProxy:Upstream:Address and name \"upstream\""
        : $"name one of the clusters: {string.Join(", ", clusters.Keys)}";

    /// <summary>What YARP leaves to code of the application around it: here there is none, and silence would be a false promise.</summary>
    private static IEnumerable<string> Unsupported(RouteConfig route)
    {
        (string Name, string? Value)[] policies =
        [
            (nameof(route.AuthorizationPolicy), route.AuthorizationPolicy),
            (nameof(route.CorsPolicy), route.CorsPolicy),
            (nameof(route.RateLimiterPolicy), route.RateLimiterPolicy),
            (nameof(route.OutputCachePolicy), route.OutputCachePolicy),
            (nameof(route.TimeoutPolicy), route.TimeoutPolicy),
        ];
        foreach (var (name, value) in policies)
        {
            if (!string.IsNullOrEmpty(value))
            {
                yield return $"ReverseProxy:Routes:{route.RouteId}:{name} = \"{value}\": TimingProxy has no such policies; remove it";
            }
        }
    }

    /// <summary>What reads as a pattern and is none that requests can be matched with: routing as a whole would fail with the first request.</summary>
    private static string? Unroutable(RouteConfig route)
    {
        try
        {
            if (route.Match.Path is { } path)
            {
                RoutePatterns.Check(path);
            }

            return null;
        }
        catch (FormatException error)
        {
            return $"ReverseProxy:Routes:{route.RouteId}:Match:Path: {error.Message}";
        }
    }

    private async ValueTask CheckAsync(ClusterConfig cluster, List<string> errors, CancellationToken cancellationToken)
    {
        try
        {
            var filtered = cluster;
            foreach (var filter in filters)
            {
                filtered = await filter.ConfigureClusterAsync(filtered, cancellationToken);
            }

            foreach (var error in await validator.ValidateClusterAsync(filtered))
            {
                errors.Add($"ReverseProxy:Clusters:{cluster.ClusterId}: {Sentence(error)}");
            }
        }
        catch (ArgumentException error)
        {
            errors.Add(error.Message);
        }
    }

    private static string Sentence(Exception error) =>
        error.InnerException is { } inner ? $"{error.Message} {inner.Message}" : error.Message;
}
