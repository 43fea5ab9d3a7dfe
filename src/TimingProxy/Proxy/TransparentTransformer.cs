using Microsoft.AspNetCore.Http;
using TimingProxy.Settings;
using TimingProxy.Timing;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Transforms.Builder;

namespace TimingProxy.Proxy;

/// <summary>
/// The transforms of a route that has none of its own: the same steps as <see cref="TransparencyTransforms"/> and
/// <see cref="TimingTransforms"/> add to the others, one after another and without what YARP needs to run any number of any kind.
/// </summary>
internal sealed class TransparentTransformer(TimingTransforms timing) : HttpTransformer
{
    public override ValueTask TransformRequestAsync(
        HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
    {
        // Copies the headers, Host among them, at once.
        var copied = base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);
        Transparency.KeepEndToEnd(httpContext.Request, proxyRequest);
        Transparency.KeepTarget(httpContext, proxyRequest, destinationPrefix);
        timing.OnRequest(httpContext, proxyRequest);
        return copied;
    }

    public override ValueTask<bool> TransformResponseAsync(
        HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
    {
        var copied = base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken);
        Transparency.KeepEndToEnd(httpContext.Response, proxyResponse);
        Transparency.RemoveHopByHop(httpContext.Response, proxyResponse);
        Transparency.TrimValues(httpContext.Response, proxyResponse);
        timing.OnResponse(httpContext, proxyResponse);
        return copied;
    }

    public override ValueTask TransformResponseTrailersAsync(
        HttpContext httpContext, HttpResponseMessage proxyResponse, CancellationToken cancellationToken)
    {
        var copied = base.TransformResponseTrailersAsync(httpContext, proxyResponse, cancellationToken);
        timing.OnTrailers(httpContext);
        return copied;
    }

    /// <summary>YARP's builder, asked only for the routes that have transforms.</summary>
    public sealed class Builder(ITransformBuilder inner, TimingHeaders headers, IEnumerable<ITransformProvider> providers) : ITransformBuilder
    {
        private readonly TransparentTransformer _transparent = new(new TimingTransforms(headers));

        // Whose steps are known: ours, and YARP's of session affinity.
        private readonly bool _isAllKnown = providers.All(provider =>
            provider is TransparencyTransforms or TimingTransforms || provider.GetType().Assembly == typeof(ITransformProvider).Assembly);

        public IReadOnlyList<Exception> ValidateRoute(RouteConfig route) => inner.ValidateRoute(route);

        public IReadOnlyList<Exception> ValidateCluster(ClusterConfig cluster) => inner.ValidateCluster(cluster);

        public HttpTransformer Build(RouteConfig route, ClusterConfig? cluster) =>
            _isAllKnown && HasNone(route, cluster) ? _transparent : inner.Build(route, cluster);

        public HttpTransformer Create(Action<TransformBuilderContext> action) => inner.Create(action);

        // Session affinity is a transform of the response.
        private static bool HasNone(RouteConfig route, ClusterConfig? cluster) =>
            route.Transforms is null or { Count: 0 }
            && cluster?.SessionAffinity?.Enabled != true
            && route.Metadata?.GetValueOrDefault(TransparencyTransforms.XForwardedKey) is null or nameof(XForwarded.PassThrough);
    }
}
