using System.Diagnostics;
using Microsoft.AspNetCore.Http;

namespace TimingProxy.Metrics;

/// <summary>
/// Makes the trace of a request current while its figures are recorded, so that exemplars carry its id. Only requests that came with a
/// sampled W3C <c>traceparent</c> pay for it.
/// </summary>
internal readonly struct ExemplarScope : IDisposable
{
    private readonly Activity? _activity;

    private ExemplarScope(Activity activity) => _activity = activity;

    public static ExemplarScope Of(HttpContext context)
    {
        var header = context.Request.Headers.TraceParent;
        if (header.Count != 1
            || !ActivityContext.TryParse(header[0], traceState: null, out var trace)
            || !trace.TraceFlags.HasFlag(ActivityTraceFlags.Recorded))
        {
            return default;
        }

        var activity = new Activity("timingproxy.record");
        activity.SetParentId(trace.TraceId, trace.SpanId, trace.TraceFlags);
        return new ExemplarScope(activity.Start());
    }

    public void Dispose() => _activity?.Dispose();
}
