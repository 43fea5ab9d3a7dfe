using Microsoft.AspNetCore.Http;

namespace TimingProxy.Timing;

/// <summary>Puts the route labels on a request that is over, before any observer sees it.</summary>
internal delegate void RouteLabeler(RequestTiming request);

/// <summary>Is told of each request, and disposed when the request is over, before the clock stops.</summary>
internal delegate CancellationTokenRegistration RequestWatch(HttpContext context);

/// <summary>Finishes a request once everything is through with it, and is told what was thrown on the way, if anything was.</summary>
internal delegate Task RequestEnd(RequestTiming request, Exception? error);

/// <summary>
/// First on the traffic port: starts the clock of a request, and whatever became of it (end, error, abort, upgrade) hands it to the
/// observers from its one <c>finally</c>.
/// </summary>
internal sealed class TimingMiddleware(
    RequestDelegate next,
    RequestClock clock,
    RequestWatch watch,
    RequestEnd end,
    RouteLabeler label,
    IEnumerable<IRequestObserver> observers)
{
    private readonly IRequestObserver[] _observers = [.. observers];

    public async Task InvokeAsync(HttpContext context)
    {
        var timing = new RequestTiming(context, clock);
        context.Features[typeof(RequestTiming)] = timing;
        try
        {
            using var watched = watch(context);
            Exception? failure = null;
            try
            {
                await next(context);
            }
            catch (Exception error)
            {
                failure = error;
            }

            await end(timing, failure);
        }
        finally
        {
            timing.MarkCompleted();
            label(timing);
            foreach (var observer in _observers)
            {
                observer.OnCompleted(timing);
            }
        }
    }
}
