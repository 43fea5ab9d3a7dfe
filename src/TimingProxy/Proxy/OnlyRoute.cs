using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Primitives;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Model;

namespace TimingProxy.Proxy;

/// <summary>
/// Where a catch-all is the only route there is, every request is on it: nothing needs to be matched, no route values be made, and none of the
/// steps be taken that look for a route's policies. Follows the configuration as it changes.
/// </summary>
internal sealed class OnlyRoute
{
    private volatile Endpoint? _endpoint;

    public OnlyRoute(EndpointDataSource routes)
    {
        _endpoint = Find(routes.Endpoints);
        // Ends with the process, as the routes do.
        ChangeToken.OnChange(routes.GetChangeToken, () => _endpoint = Find(routes.Endpoints));
    }

    /// <summary>Takes the request to its route, if there is but one it can have.</summary>
    public Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        if (_endpoint is not { } endpoint)
        {
            return next(context);
        }

        context.SetEndpoint(endpoint);
        return endpoint.RequestDelegate!(context);
    }

    // The shorthand's: it has no transforms that would look for the route's values, and no policies.
    private static Endpoint? Find(IReadOnlyList<Endpoint> routes) =>
        routes is [var only]
        && only.Metadata.GetMetadata<RouteModel>()?.Config is
        {
            RouteId: ProxyConfigReader.DefaultRoute,
            Transforms: null,
            Timeout: null,
            TimeoutPolicy: null,
            AuthorizationPolicy: null,
            CorsPolicy: null,
            RateLimiterPolicy: null,
            OutputCachePolicy: null,
            Match: var match,
        }
        && match == new RouteMatch { Path = ProxyConfigReader.CatchAll }
            ? only
            : null;
}
