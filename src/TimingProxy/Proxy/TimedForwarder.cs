using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.ObjectPool;
using TimingProxy.Settings;
using TimingProxy.Timing;
using Yarp.ReverseProxy.Forwarder;

namespace TimingProxy.Proxy;

/// <summary>YARP's forwarder with the request under the clock on both sides: the client's body and the call to the upstream.</summary>
internal sealed class TimedForwarder(IHttpForwarder inner, InFlightLedger ledger, LiveSettings settings, RequestClock clock) : IHttpForwarder
{
    // More than these at a time are made anew each time.
    private const int PooledDeadlines = 1024;

    private readonly ObjectPool<UpstreamDeadline> _deadlines = UpstreamDeadline.Pool(clock, PooledDeadlines);

    public ValueTask<ForwarderError> SendAsync(
        HttpContext context,
        string destinationPrefix,
        HttpMessageInvoker httpClient,
        ForwarderRequestConfig requestConfig,
        HttpTransformer transformer) =>
        SendAsync(context, destinationPrefix, httpClient, requestConfig, transformer, CancellationToken.None);

    /// <param name="cancellationToken">
    /// Not looked at: YARP's middleware, the only caller, gives none, so that the deadline's is the one there is. A client that leaves and a
    /// route's own timeout are told by <see cref="HttpContext.RequestAborted"/>, which the forwarder watches by itself.
    /// </param>
    public ValueTask<ForwarderError> SendAsync(
        HttpContext context,
        string destinationPrefix,
        HttpMessageInvoker httpClient,
        ForwarderRequestConfig requestConfig,
        HttpTransformer transformer,
        CancellationToken cancellationToken)
    {
        var timing = RequestTiming.Of(context);
        if (context.Features[typeof(IHttpRequestBodyDetectionFeature)] is not IHttpRequestBodyDetectionFeature { CanHaveBody: false })
        {
            context.Request.Body = new TimedRequestBody(context.Request.Body, context.Request.BodyReader, timing);
        }

        var call = new UpstreamCall(timing, (UpstreamClient)httpClient, ledger, settings.Current.Upstream.Timeout, _deadlines);
        timing.DisposeWhenCompleted(call);
        return inner.SendAsync(context, destinationPrefix, call, requestConfig, transformer, call.Deadline);
    }
}
