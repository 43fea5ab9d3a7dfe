using Microsoft.AspNetCore.Http;
using TimingProxy.Settings;
using TimingProxy.Timing;

namespace TimingProxy.Proxy;

/// <summary>
/// Answers 503 at once where more than <c>MaxConcurrentRequests</c> are being worked on (off by default). Requests that came while it was
/// off are not counted.
/// </summary>
internal sealed class Overload(RequestDelegate next, LiveSettings settings)
{
    private int _current;

    public Task InvokeAsync(HttpContext context)
    {
        int limit = settings.Current.MaxConcurrentRequests;
        return limit > 0 ? LimitAsync(context, limit) : next(context);
    }

    private async Task LimitAsync(HttpContext context, int limit)
    {
        int current = Interlocked.Increment(ref _current);
        try
        {
            if (current > limit)
            {
                RequestTiming.Of(context).ErrorType = ErrorType.Overload;
                context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
                context.Response.Headers.RetryAfter = "1";
                return;
            }

            await next(context);
        }
        finally
        {
            Interlocked.Decrement(ref _current);
        }
    }
}
