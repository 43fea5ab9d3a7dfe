using System.Collections.ObjectModel;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using TimingProxy.Settings;
using Yarp.ReverseProxy.Configuration;

namespace TimingProxy.Proxy;

/// <summary>Routes and clusters as read from one configuration, the shorthand's among them, not yet in force.</summary>
internal sealed record ProxyRoutes(IReadOnlyList<RouteConfig> Routes, IReadOnlyList<ClusterConfig> Clusters)
{
    /// <summary>What is wrong with the section they were read from, beyond what can be told of routes and clusters.</summary>
    public IReadOnlyList<SettingError> Errors { get; init; } = [];

    /// <summary>Where upstreams listen: <c>http(s)://host:port</c>, or <c>unix:/path</c>.</summary>
    public IReadOnlyList<string> Addresses =>
    [
        .. Clusters
            .SelectMany(cluster => cluster.Destinations?.Values ?? [])
            .Select(destination => UpstreamAddress.TryParse(destination.Address, out var address) ? address : null)
            .OfType<UpstreamAddress>()
            .Select(address => address.UnixSocket is { } path ? $"unix:{path}" : address.Destination),
    ];
}

/// <summary>Reads the <c>ReverseProxy</c> section with YARP's own reader, apart from the running proxy, and adds the one-upstream shorthand.</summary>
internal static class ProxyConfigReader
{
    /// <summary>Id of the shorthand's cluster; further routes in the file may point to it.</summary>
    public const string UpstreamCluster = "upstream";

    /// <summary>Id of the shorthand's catch-all route.</summary>
    public const string DefaultRoute = "default";

    /// <summary>The pattern that every path matches.</summary>
    public const string CatchAll = "{**all}";

    /// <exception cref="InvalidOperationException">The section cannot be read: a value of the wrong type.</exception>
    public static async ValueTask<ProxyRoutes> ReadAsync(ProxySettings settings, IConfiguration configuration)
    {
        var routes = new List<RouteConfig>();
        var clusters = new List<ClusterConfig>();
        var section = configuration.GetSection("ReverseProxy");
        SettingError[] errors = [];
        if (section.GetChildren().Any())
        {
            errors = [.. SectionErrors.Of(section)];
            // Building YARP's services costs milliseconds, and only those pay who use the section.
            var services = new ServiceCollection();
            services.AddLogging();
            services.AddReverseProxy().LoadFromConfig(section);
            await using var provider = services.BuildServiceProvider();
            try
            {
                var config = provider.GetRequiredService<IProxyConfigProvider>().GetConfig();
                routes.AddRange(config.Routes);
                clusters.AddRange(config.Clusters);
            }
            catch (Exception) when (errors.Length != 0)
            {
                // What it stumbled over is among the errors, and told better there.
            }
        }

        if (settings.Upstream.Address is { } address)
        {
            clusters.Add(new ClusterConfig
            {
                ClusterId = UpstreamCluster,
                Destinations = new Dictionary<string, DestinationConfig> { [UpstreamCluster] = new() { Address = address } },
            });
            // Declared templates are routes like any other, so that they match by the framework's own rules. Each has an order of its own,
            // by the framework's precedence and then as declared: two of a kind (/a/{x}, /a/{y}) would be ambiguous, and fail the request.
            string[] templates = [.. settings.Metrics.Routes.Distinct(StringComparer.OrdinalIgnoreCase)
                .OrderBy(template => RoutePatternFactory.Parse(template).InboundPrecedence)];
            routes.AddRange(templates.Select((template, rank) => ToUpstream(template, template, int.MaxValue - templates.Length + rank)));
            routes.Add(ToUpstream(DefaultRoute, CatchAll, int.MaxValue));
        }

        return new ProxyRoutes([.. routes.Select(route => WithMode(route, settings.Forwarding.XForwarded))], clusters) { Errors = errors };
    }

    /// <summary>A route is built anew only where its configuration has changed, so what its transforms depend on is part of that.</summary>
    private static RouteConfig WithMode(RouteConfig route, XForwarded mode)
    {
        var metadata = new Dictionary<string, string>(route.Metadata ?? ReadOnlyDictionary<string, string>.Empty)
        {
            [TransparencyTransforms.XForwardedKey] = mode.ToString(),
        };
        return route with { Metadata = metadata };
    }

    private static RouteConfig ToUpstream(string id, string path, int order) =>
        new() { RouteId = id, ClusterId = UpstreamCluster, Order = order, Match = new RouteMatch { Path = path } };
}
