using System.Net;
using Microsoft.AspNetCore.Http;
using Yarp.ReverseProxy.Transforms;
using Yarp.ReverseProxy.Transforms.Builder;

namespace TimingProxy.Timing;

/// <summary>
/// The timing transforms of every route: they see the response as soon as its headers are there, note what the app says of its own
/// time, stamp ours, and put the body under the clock.
/// </summary>
internal sealed class TimingTransforms(TimingHeaders headers) : ITransformProvider
{
    public void ValidateRoute(TransformRouteValidationContext context)
    {
    }

    public void ValidateCluster(TransformClusterValidationContext context)
    {
    }

    public void Apply(TransformBuilderContext context)
    {
        context.AddRequestTransform(step =>
        {
            OnRequest(step.HttpContext, step.ProxyRequest);
            return ValueTask.CompletedTask;
        });
        context.AddResponseTransform(step =>
        {
            OnResponse(step.HttpContext, step.ProxyResponse);
            return ValueTask.CompletedTask;
        });
        context.AddResponseTrailersTransform(step =>
        {
            OnTrailers(step.HttpContext);
            return ValueTask.CompletedTask;
        });
    }

    public void OnRequest(HttpContext context, HttpRequestMessage request)
    {
        if (RequestTiming.Find(context) is { } timing)
        {
            headers.StampRequest(timing, request);
        }
    }

    /// <param name="response">With its headers copied; null where there is none.</param>
    public void OnResponse(HttpContext context, HttpResponseMessage? response)
    {
        if (RequestTiming.Find(context) is not { } timing)
        {
            return;
        }

        if (response is not null)
        {
            // Before the stamp: it may replace the very header that the app reports in.
            timing.AppReportedTicks = AppReportedTime.Read(context.Response.Headers, timing.Clock);
            if (IsUpgrade(response))
            {
                timing.MarkUpgraded();
            }
            else
            {
                // After the headers were copied, so that nobody asks the wrapper for its headers.
                response.Content = new TimedResponseContent(response.Content, timing);
            }
        }

        headers.Stamp(timing);
    }

    public void OnTrailers(HttpContext context)
    {
        if (RequestTiming.Find(context) is { } timing)
        {
            headers.StampTrailers(timing);
        }
    }

    /// <summary>101, or the 200 to an extended CONNECT, which is how HTTP/2 says the same (RFC 8441).</summary>
    private static bool IsUpgrade(HttpResponseMessage response) =>
        response.StatusCode == HttpStatusCode.SwitchingProtocols
        || (response.StatusCode == HttpStatusCode.OK && response.RequestMessage?.Headers.Protocol is not null);
}
