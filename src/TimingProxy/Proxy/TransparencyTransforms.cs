using TimingProxy.Settings;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Transforms;
using Yarp.ReverseProxy.Transforms.Builder;

namespace TimingProxy.Proxy;

/// <summary>
/// What makes the proxy transparent unless a route says otherwise: the client's <c>Host</c>, its request target byte for byte, and its
/// <c>X-Forwarded-*</c>.
/// </summary>
internal sealed class TransparencyTransforms : ITransformProvider
{
    /// <summary>Key of the route metadata that carries <see cref="ForwardingSettings.XForwarded"/>.</summary>
    public const string XForwardedKey = "TimingProxy.XForwarded";

    public void ValidateRoute(TransformRouteValidationContext context)
    {
    }

    public void ValidateCluster(TransformClusterValidationContext context)
    {
    }

    public void Apply(TransformBuilderContext context)
    {
        KeepEndToEnd(context);
        if (!Names(context.Route, "RequestHeaderOriginalHost"))
        {
            context.AddOriginalHost();
        }

        context.UseDefaultForwarders ??= false;
        string? mode = context.Route.Metadata?.GetValueOrDefault(XForwardedKey);
        if (!Names(context.Route, "X-Forwarded") && mode is not (null or nameof(XForwarded.PassThrough)))
        {
            if (mode == nameof(XForwarded.Set))
            {
                // Of any name: apps believe others, too, such as X-Forwarded-Port and X-Forwarded-Ssl.
                context.AddRequestTransform(step =>
                {
                    ForwardingHeaders.Remove(step.ProxyRequest);
                    return ValueTask.CompletedTask;
                });
                context.AddXForwarded(ForwardedTransformActions.Set);
            }
            else
            {
                context.AddRequestTransform(AppendedForwarding.ApplyAsync);
            }
        }

        if (!Names(context.Route, "Path") && !Names(context.Route, "Query"))
        {
            context.AddRequestTransform(step =>
            {
                Transparency.KeepTarget(step.HttpContext, step.ProxyRequest, step.DestinationPrefix);
                return ValueTask.CompletedTask;
            });
        }

        context.AddResponseTransform(step =>
        {
            Transparency.RemoveHopByHop(step.HttpContext.Response, step.ProxyResponse);
            Transparency.TrimValues(step.HttpContext.Response, step.ProxyResponse);
            return ValueTask.CompletedTask;
        });
    }

    /// <summary>First, as a part of the copying: a route's own transforms may remove what is kept.</summary>
    private static void KeepEndToEnd(TransformBuilderContext context)
    {
        if (context.CopyRequestHeaders != false)
        {
            context.RequestTransforms.Insert(0, new RequestFuncTransform(step =>
            {
                Transparency.KeepEndToEnd(step.HttpContext.Request, step.ProxyRequest);
                return ValueTask.CompletedTask;
            }));
        }

        if (context.CopyResponseHeaders != false)
        {
            context.ResponseTransforms.Insert(0, new ResponseFuncTransform(step =>
            {
                Transparency.KeepEndToEnd(step.HttpContext.Response, step.ProxyResponse);
                return ValueTask.CompletedTask;
            }));
        }
    }

    private static bool Names(RouteConfig route, string transform) =>
        route.Transforms?.Any(step => step.Keys.Any(key => key.StartsWith(transform, StringComparison.OrdinalIgnoreCase))) == true;
}
