using System.Diagnostics.Metrics;
using TimingProxy.Settings;
using TimingProxy.Timing;

namespace TimingProxy.Metrics;

/// <summary>Label values of an upstream duration.</summary>
internal readonly record struct UpstreamLabels(string Route, string Cluster, string Method, int StatusCode);

/// <summary>Label values of a whole request.</summary>
internal readonly record struct RequestLabels(string Route, int StatusCode);

/// <summary>Label values of a failure.</summary>
internal readonly record struct FailureLabels(string Route, string ErrorType);

/// <summary>What is recorded of each request and each connection. Recording allocates nothing once a label set is known.</summary>
internal sealed class RequestMetrics : IRequestObserver
{
    public const string MeterName = "TimingProxy";

    private const string FailuresName = "timingproxy.request.failures";
    private const string Route = "route";
    private const string Cluster = "cluster";
    private const string Method = "http.request.method";
    private const string StatusCode = "http.response.status_code";
    private const string Seconds = "s";

    private readonly RequestClock _clock;
    private readonly LiveSettings _settings;
    private readonly Histogram<double> _upstream;
    private readonly Histogram<double> _request;
    private readonly Histogram<double> _body;
    private readonly Histogram<double> _overhead;
    private readonly Histogram<double> _connect;
    private readonly Histogram<double> _queue;
    private readonly Histogram<double> _appReported;
    private readonly Histogram<double> _appQueue;
    private readonly Histogram<double> _upgraded;
    private readonly Counter<long> _failures;
    private readonly SeriesLimiter<UpstreamLabels> _upstreamSeries;
    private readonly SeriesLimiter<RequestLabels> _requestSeries;
    private readonly SeriesLimiter<string> _routeSeries;
    private readonly SeriesLimiter<string> _clusterSeries;
    private readonly SeriesLimiter<FailureLabels> _failureSeries;
    private long _overflowed;

    public RequestMetrics(IMeterFactory meters, RequestClock clock, LiveSettings settings)
    {
        _clock = clock;
        _settings = settings;
        var meter = meters.Create(MeterName);
        var metrics = settings.Current.Metrics;
        var advice = new InstrumentAdvice<double> { HistogramBucketBoundaries = BucketBounds.Of(metrics) };
        Histogram<double> Duration(string name, string description) =>
            meter.CreateHistogram($"timingproxy.{name}.duration", Seconds, description, tags: null, advice);

        _upstream = Duration("upstream", "Upstream (render) time: from sending the request until its response headers, less waiting for the client's body.");
        _request = Duration("request", "From the request's headers until its response was handed over.");
        _body = Duration("upstream.body", "Reading the upstream's response body.");
        _overhead = Duration("overhead", "What the proxy itself added before the response headers.");
        _connect = Duration("upstream.connect", "Connecting to the upstream, with TLS, per new connection.");
        _queue = Duration("upstream.queue", "Waiting for a free upstream connection, where their number is limited.");
        _appReported = Duration("app_reported", "The app's own figure, where it reports one.");
        _appQueue = Duration("app_queue", "Upstream time less the app's own figure: server, socket, queue and framework.");
        _upgraded = Duration("upgraded", "Life of an upgraded connection.");
        _failures = meter.CreateCounter<long>(FailuresName, null, "Requests that failed, by reason.");
        // Observed, so that it is 0 from the start: Prometheus sees no increase in a counter's first value.
        meter.CreateObservableCounter(
            "timingproxy.series.overflow", () => Volatile.Read(ref _overflowed), null, "Figures recorded under _other because Metrics:MaxSeries was reached.");

        int limit = metrics.MaxSeries;
        void Overflowed() => Interlocked.Increment(ref _overflowed);
        _upstreamSeries = new(
            limit,
            [Route, Cluster, Method, StatusCode],
            static key => [key.Route, key.Cluster, key.Method, LabelValues.StatusCode(key.StatusCode)],
            Overflowed);
        _requestSeries = new(limit, [Route, StatusCode], static key => [key.Route, LabelValues.StatusCode(key.StatusCode)], Overflowed);
        _routeSeries = new(limit, [Route], static route => [route], Overflowed);
        _clusterSeries = new(limit, [Cluster], static cluster => [cluster], Overflowed);
        _failureSeries = new(limit, [Route, "error.type"], static key => [key.Route, key.ErrorType], Overflowed);
    }

    /// <summary>Whether the label sets of an instrument are bounded by <c>Metrics:MaxSeries</c>.</summary>
    public static bool IsLimited(Instrument instrument) =>
        instrument.Meter.Name == MeterName
        && (instrument.Name.EndsWith(".duration", StringComparison.Ordinal) || instrument.Name == FailuresName);

    public void OnCompleted(RequestTiming request)
    {
        using var exemplar = ExemplarScope.Of(request.Context);
        RecordUpstream(request);
        RecordWhole(request);
        if (request.ErrorType is { } type)
        {
            _failures.Add(1, _failureSeries.Of(new FailureLabels(request.Route, type)));
        }
    }

    /// <summary>A connection to <paramref name="cluster"/> is open; connecting took <paramref name="ticks"/> of the clock.</summary>
    public void ConnectionOpened(string cluster, long ticks) => _connect.Record(_clock.ToSeconds(ticks), _clusterSeries.Of(cluster));

    /// <summary>The server refused a request before it had a route.</summary>
    public void RequestRefused() =>
        _failures.Add(1, _failureSeries.Of(new FailureLabels(RequestTiming.DefaultRoute, ErrorType.BadRequest)));

    /// <summary>An answer of the upstream, and a timeout under its code; other failures are only counted.</summary>
    private void RecordUpstream(RequestTiming request)
    {
        if (!request.HasUpstreamTime)
        {
            return;
        }

        double upstream = _clock.ToSeconds(request.UpstreamTicks);
        string method = LabelValues.Method(request.Context.Request.Method);
        _upstream.Record(upstream, _upstreamSeries.Of(new UpstreamLabels(request.Route, request.Cluster, method, request.StatusCode)));
        if (request.IsUpgraded)
        {
            return;
        }

        if (request.AppReportedTicks >= 0)
        {
            var route = _routeSeries.Of(request.Route);
            _appReported.Record(_clock.ToSeconds(request.AppReportedTicks), route);
            _appQueue.Record(_clock.ToSeconds(Math.Max(0, request.UpstreamTicks - request.AppReportedTicks)), route);
        }

        if (_settings.Current.Upstream.MaxConnections > 0)
        {
            _queue.Record(_clock.ToSeconds(request.QueueTicks), _clusterSeries.Of(request.Cluster));
        }
    }

    private void RecordWhole(RequestTiming request)
    {
        if (request.IsUpgraded)
        {
            _upgraded.Record(_clock.ToSeconds(request.Completed - request.Responded), _clusterSeries.Of(request.Cluster));
            return;
        }

        if (request.ErrorType != ErrorType.ClientAbort)
        {
            _request.Record(_clock.ToSeconds(request.TotalTicks), _requestSeries.Of(new RequestLabels(request.Route, request.StatusCode)));
        }

        if (request.HasResponse)
        {
            _overhead.Record(_clock.ToSeconds(request.OverheadTicks));
            _body.Record(_clock.ToSeconds(request.BodyTicks), _routeSeries.Of(request.Route));
        }
    }
}
