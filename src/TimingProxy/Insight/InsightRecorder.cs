using System.Collections.Concurrent;
using TimingProxy.Timing;

namespace TimingProxy.Insight;

/// <summary>
/// Keeps what the insight page is made of: by route an hour in windows of ten seconds, and by requests in flight a quarter of an hour in
/// windows of one. In fixed memory: routes have a bound, above which the rest is one, and so has what is stored (<see cref="RouteHistory"/>).
/// </summary>
internal sealed partial class InsightRecorder(
    InFlightLedger ledger, RequestClock clock, TimeProvider time, ClockDisturbances disturbances, ILogger<InsightRecorder> logger)
    : BackgroundService, IRequestObserver
{
    private const int SecondsPerWindow = 10;
    private const int MaxLevelWindows = 900;
    private const int MaxRoutes = 128;
    private const int IdleWindowsToGo = 30;

    private readonly ConcurrentDictionary<string, RouteRecorder> _routes = new(StringComparer.Ordinal);
    private readonly List<RouteRecorder> _leaving = [];
    private readonly Lock _reading = new();
    private readonly RouteHistory _windows = new();
    private readonly Queue<(DateTimeOffset To, RouteTrend[] Trends)> _trends = new();
    private readonly Queue<StoredLevels> _levels = new();
    private readonly LevelTotals[] _previous = new LevelTotals[InFlightLevels.Count];
    private double _disturbed = disturbances().Sum(cause => cause.Value);
    private int _previousInFlight;

    // Of _routes, whose own count takes all its locks.
    private volatile bool _isFull;
    private int _seconds;
    private DateTimeOffset _windowStart = time.GetUtcNow();

    public int InFlight => ledger.InFlight;

    public void OnCompleted(RequestTiming request)
    {
        // What the app never had a hand in is no failure of its routes.
        bool hasFailed = request.ErrorType is not (null or ErrorType.ClientAbort or ErrorType.BadRequest or ErrorType.Overload);
        if (!request.HasUpstreamTime && !hasFailed)
        {
            return;
        }

        RecorderOf(request.InsightRoute).Record(new FinishedRequest(
            request.HasUpstreamTime ? clock.ToMilliseconds(request.UpstreamTicks) : null,
            request.AppReportedTicks >= 0 ? clock.ToMilliseconds(request.AppReportedTicks) : null,
            request.HasResponse ? request.InFlightOnArrival : 0,
            IsError: request.StatusCode >= 500 || hasFailed,
            IsUnanswered: !request.HasResponse,
            QueueMs: clock.ToMilliseconds(request.QueueTicks)));
    }

    /// <summary>Windows that ended after <paramref name="since"/>, oldest first.</summary>
    public (TimeWindow[] Routes, LevelWindow[] Levels) Since(DateTimeOffset since)
    {
        lock (_reading)
        {
            return (
                _windows.Since(since),
                [.. _levels.Where(level => level.To > since).Select(level => level.Open())]);
        }
    }

    /// <summary>How each route slowed down with requests in flight, in windows of ten seconds that ended after <paramref name="since"/>.</summary>
    public RouteTrend[] TrendsSince(DateTimeOffset since)
    {
        lock (_reading)
        {
            return [.. _trends.Where(trend => trend.To > since).SelectMany(trend => trend.Trends)];
        }
    }

    /// <summary>Called once a second.</summary>
    internal void Tick()
    {
        CloseLevels();
        if (++_seconds % SecondsPerWindow == 0)
        {
            CloseRoutes();
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                try
                {
                    Tick();
                }
                catch (Exception error)
                {
                    // The page misses something; left uncaught, it would end the process.
                    LogMissed(error);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The host stops, or never came up.
        }
    }

    private RouteRecorder RecorderOf(string route)
    {
        if (_routes.TryGetValue(route, out var recorder))
        {
            return recorder;
        }

        recorder = _routes.GetOrAdd(_isFull ? RequestTiming.Other : route, static name => new RouteRecorder(name));
        _isFull = _isFull || _routes.Count >= MaxRoutes;
        return recorder;
    }

    private void CloseLevels()
    {
        Span<LevelTotals> totals = stackalloc LevelTotals[InFlightLevels.Count];
        if (!ledger.TryRead(totals, out _, out int inFlight))
        {
            // Too busy a moment: the next window is twice as long.
            return;
        }

        var window = StoredLevels.Between(time.GetUtcNow(), _previous, totals, inFlight - _previousInFlight, clock);
        totals.CopyTo(_previous);
        _previousInFlight = inFlight;
        lock (_reading)
        {
            _levels.Enqueue(window);
            while (_levels.Count > MaxLevelWindows)
            {
                _levels.Dequeue();
            }
        }
    }

    /// <summary>
    /// Where there is no room for another route, those that nobody has asked for in a while go. A request that still holds one's recorder is
    /// counted when it is closed once more, with the next window.
    /// </summary>
    private void MakeRoom()
    {
        _leaving.Clear();
        if (_routes.Count < MaxRoutes)
        {
            return;
        }

        foreach (var recorder in _routes.Values)
        {
            if (recorder.IdleWindows >= IdleWindowsToGo && _routes.TryRemove(recorder.Route, out _))
            {
                _leaving.Add(recorder);
            }
        }

        _isFull = _routes.Count >= MaxRoutes;
    }

    private void CloseRoutes()
    {
        double disturbed = disturbances().Sum(cause => cause.Value);
        RouteRecorder[] recorders = [.. _routes.Values, .. _leaving];
        MakeRoom();
        RouteWindow[] routes = [.. recorders.Select(recorder => recorder.CloseWindow()).OfType<RouteWindow>()];
        RouteTrend[] trends = [.. recorders.Select(recorder => recorder.CloseTrend()).Where(trend => trend.Sums.Answers > 1)];
        var now = time.GetUtcNow();
        var window = new TimeWindow(_windowStart, now, routes, disturbed - _disturbed);
        (_windowStart, _disturbed) = (now, disturbed);
        lock (_reading)
        {
            _windows.Add(window);
            _trends.Enqueue((now, trends));
            while (_trends.Count > MaxLevelWindows / SecondsPerWindow)
            {
                _trends.Dequeue();
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The insight page misses what was to be recorded of the last second")]
    private partial void LogMissed(Exception error);
}
