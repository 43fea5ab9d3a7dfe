using System.Collections.Concurrent;
using TimingProxy.Settings;
using TimingProxy.Timing;

namespace TimingProxy.Routes;

/// <summary>
/// Gives each request its bounded route labels, once it is over: a configured route's id (declared templates are such routes), else a
/// learned template, else <c>default</c>.
/// </summary>
internal sealed class RouteLabels
{
    private readonly LiveSettings _settings;
    private readonly int _maxRoutes;
    private readonly LearnedRoutes _learned;
    private readonly ConcurrentDictionary<string, byte> _ofMetrics = new(StringComparer.Ordinal);
    private readonly Lock _adding = new();
    private volatile bool _isFull;

    public RouteLabels(LiveSettings settings)
    {
        _settings = settings;
        // Read once: a restart is needed to change it.
        _maxRoutes = settings.Current.Metrics.MaxRoutes;
        _learned = new LearnedRoutes(_maxRoutes, _ofMetrics.ContainsKey);
    }

    /// <summary>Sets <see cref="RequestTiming.Route"/> and <see cref="RequestTiming.InsightRoute"/>, and learns from how the request ended.</summary>
    public void Label(RequestTiming request)
    {
        if (request.MatchedRoute is { } matched && matched != RequestTiming.DefaultRoute)
        {
            request.Route = Bounded(matched);
            request.InsightRoute = request.Route;
            return;
        }

        // Only what an upstream has answered well says anything of the app's routes; what fails still belongs to the route it failed on.
        bool isGoodAnswer = request is { HasResponse: true, StatusCode: (>= 200 and <= 299) or 304 };
        if (_learned.Observe(request.Context.Request.Path.Value, isGoodAnswer) is not var (template, isOnPage))
        {
            return;
        }

        if (isOnPage)
        {
            request.InsightRoute = template;
        }

        if (_settings.Current.Metrics.LearnRoutes)
        {
            request.Route = Bounded(template);
        }
    }

    /// <summary>A label of the metrics lives as long as the process, so the first ones stay and all others share one.</summary>
    private string Bounded(string route)
    {
        if (_ofMetrics.ContainsKey(route))
        {
            return route;
        }

        // Once full it stays so, and nobody waits for a place any more.
        if (_isFull)
        {
            return RequestTiming.Other;
        }

        lock (_adding)
        {
            bool isKnown = _ofMetrics.ContainsKey(route);
            if (!isKnown && _ofMetrics.Count < _maxRoutes)
            {
                isKnown = _ofMetrics.TryAdd(route, 0);
            }

            _isFull = _ofMetrics.Count >= _maxRoutes;
            return isKnown ? route : RequestTiming.Other;
        }
    }
}
