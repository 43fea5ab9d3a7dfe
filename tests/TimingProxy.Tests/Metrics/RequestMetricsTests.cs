using System.Diagnostics.Metrics;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using TimingProxy.Metrics;
using TimingProxy.Settings;
using TimingProxy.Timing;

namespace TimingProxy.Tests.Metrics;

/// <summary>What is in which histogram, under which labels.</summary>
public sealed class RequestMetricsTests : IDisposable
{
    private static readonly string[] Durations =
        ["upstream", "request", "upstream.body", "overhead", "app_reported", "app_queue", "upstream.queue", "upgraded"];

    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly FinishedRequests _requests = new();

    [Theory]
    [InlineData("answer", "upstream request upstream.body overhead")]
    [InlineData("error of the app", "upstream request upstream.body overhead")]
    [InlineData("body", "upstream request upstream.body overhead")]
    [InlineData("timeout", "upstream request")]
    [InlineData("connect", "request")]
    [InlineData("reset", "request")]
    [InlineData("no_destination", "request")]
    [InlineData("overload", "request")]
    [InlineData("bad_request", "request")]
    [InlineData("other", "request")]
    [InlineData("client_abort", "")]
    [InlineData("upgrade", "upstream upgraded")]
    [InlineData("answer with the app's own time", "upstream request upstream.body overhead app_reported app_queue")]
    public void OnCompleted_EachEnding_IsInItsHistogramsOnly(string ending, string expected)
    {
        var metrics = Metrics(new ProxySettings());
        using var recorded = new Recorded(Factory);

        metrics.OnCompleted(Ended(ending));

        Assert.Equal(expected.Split(' ', StringSplitOptions.RemoveEmptyEntries), Durations.Where(name => recorded.Of(name).Count != 0));
    }

    [Theory]
    [InlineData("answer", "upstream request upstream.body overhead upstream.queue")]
    [InlineData("timeout", "upstream request upstream.queue")]
    [InlineData("connect", "request")]
    [InlineData("upgrade", "upstream upgraded")]
    public void OnCompleted_WithLimitedConnections_HasTheQueue(string ending, string expected)
    {
        var metrics = Metrics(new ProxySettings { Upstream = new UpstreamSettings { MaxConnections = 3 } });
        using var recorded = new Recorded(Factory);

        metrics.OnCompleted(Ended(ending));

        Assert.Equal(expected.Split(' '), Durations.Where(name => recorded.Of(name).Count != 0));
    }

    [Theory]
    [InlineData("connect")]
    [InlineData("timeout")]
    [InlineData("reset")]
    [InlineData("body")]
    [InlineData("no_destination")]
    [InlineData("client_abort")]
    [InlineData("bad_request")]
    [InlineData("overload")]
    [InlineData("other")]
    public void OnCompleted_Failure_IsCountedByRouteAndReason(string type)
    {
        var metrics = Metrics(new ProxySettings());
        using var failures = new MetricCollector<long>(Factory, RequestMetrics.MeterName, "timingproxy.request.failures");

        metrics.OnCompleted(Ended(type));

        var failure = Assert.Single(failures.GetMeasurementSnapshot());
        Assert.Equal(1, failure.Value);
        Assert.Equal(["error.type", "route"], failure.Tags.Keys.Order());
        Assert.Equal((type, "default"), (failure.Tags["error.type"], failure.Tags["route"]));
    }

    [Fact]
    public void OnCompleted_Answer_HasFiguresInSecondsUnderItsLabels()
    {
        var metrics = Metrics(new ProxySettings());
        using var recorded = new Recorded(Factory);
        var request = _requests.Of(status: 201, upstreamMs: 250, how: timing => timing.AppReportedTicks = _requests.Ticks(100));
        request.Route = "/articles/{id}";

        metrics.OnCompleted(request);

        var upstream = Assert.Single(recorded.Of("upstream"));
        Assert.Equal(0.25, upstream.Value, 9);
        Assert.Equal(
            [("cluster", "upstream"), ("http.request.method", "GET"), ("http.response.status_code", 201), ("route", "/articles/{id}")],
            upstream.Tags.OrderBy(tag => tag.Key, StringComparer.Ordinal).Select(tag => (tag.Key, tag.Value!)));
        Assert.Equal(0.253, Assert.Single(recorded.Of("request")).Value, 9);
        Assert.Equal(FinishedRequests.BodyMs / 1000, Assert.Single(recorded.Of("upstream.body")).Value, 9);
        Assert.Equal(FinishedRequests.OverheadMs / 1000, Assert.Single(recorded.Of("overhead")).Value, 9);
        Assert.Empty(Assert.Single(recorded.Of("overhead")).Tags);
        Assert.Equal(0.1, Assert.Single(recorded.Of("app_reported")).Value, 9);
        Assert.Equal(0.15, Assert.Single(recorded.Of("app_queue")).Value, 9);
    }

    [Fact]
    public void OnCompleted_AppReportsMoreThanTheUpstreamTook_QueueIsNotBelowZero()
    {
        var metrics = Metrics(new ProxySettings());
        using var recorded = new Recorded(Factory);

        metrics.OnCompleted(_requests.Of(upstreamMs: 10, how: timing => timing.AppReportedTicks = _requests.Ticks(11)));

        Assert.Equal(0, Assert.Single(recorded.Of("app_queue")).Value);
    }

    [Fact]
    public void OnCompleted_AboveMaxSeries_RecordsTheSameFiguresUnderOther()
    {
        var metrics = Metrics(new ProxySettings { Metrics = new MetricsSettings { MaxSeries = 3 } });
        using var recorded = new Recorded(Factory);
        using var overflow = new MetricCollector<long>(Factory, RequestMetrics.MeterName, "timingproxy.series.overflow");
        overflow.RecordObservableInstruments();
        Assert.Equal(0, overflow.LastMeasurement?.Value);

        for (int status = 200; status < 205; status++)
        {
            metrics.OnCompleted(_requests.Of(status: status));
        }

        var upstream = recorded.Of("upstream");
        Assert.Equal(5, upstream.Count);
        Assert.Equal(3, upstream.Select(one => (string)one.Tags["route"]! + one.Tags["http.response.status_code"]).Distinct().Count());
        Assert.All(upstream.Skip(2).SelectMany(one => one.Tags.Values), value => Assert.Equal("_other", value));
        // Of the upstream's and of the request's histogram, three each.
        overflow.RecordObservableInstruments();
        Assert.Equal(6, overflow.LastMeasurement?.Value);
    }

    [Fact]
    public void Durations_AreInSecondsWithTheConfiguredBounds()
    {
        var published = new List<Histogram<double>>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                if (instrument.Meter.Scope == Factory && instrument is Histogram<double> histogram)
                {
                    published.Add(histogram);
                }
            },
        };
        listener.Start();

        Metrics(new ProxySettings { Metrics = new MetricsSettings { Buckets = [0.1, 0.4, 1], SloMs = [100, 0.1] } });

        Assert.Equal(9, published.Count);
        Assert.All(published, histogram =>
        {
            Assert.Equal("s", histogram.Unit);
            Assert.False(string.IsNullOrEmpty(histogram.Description));
            Assert.Equal([0.0001, 0.0004, 0.1, 0.4, 1], histogram.Advice!.HistogramBucketBoundaries!);
        });
    }

    [Fact]
    public void ConnectionOpened_IsByCluster()
    {
        var metrics = Metrics(new ProxySettings());
        using var recorded = new Recorded(Factory);

        metrics.ConnectionOpened("upstream", _requests.Ticks(5));

        var opened = Assert.Single(recorded.Of("upstream.connect"));
        Assert.Equal(0.005, opened.Value, 9);
        Assert.Equal("upstream", Assert.Single(opened.Tags).Value);
    }

    public void Dispose() => _services.Dispose();

    private IMeterFactory Factory => _services.GetRequiredService<IMeterFactory>();

    private RequestMetrics Metrics(ProxySettings settings) => new(Factory, _requests.Clock, new LiveSettings(settings));

    private RequestTiming Ended(string ending) => ending switch
    {
        "answer" => _requests.Of(),
        "error of the app" => _requests.Of(status: 500),
        "body" => _requests.Of(errorType: ErrorType.Body),
        "timeout" => _requests.Of(status: 504, hasResponse: false, errorType: ErrorType.Timeout),
        "upgrade" => _requests.Of(status: 101, how: timing =>
        {
            timing.MarkUpgraded();
            timing.AppReportedTicks = 1;
        }),
        "answer with the app's own time" => _requests.Of(how: timing => timing.AppReportedTicks = 1),
        _ => _requests.Of(status: 502, hasResponse: false, errorType: ending),
    };

    private sealed class Recorded(IMeterFactory factory) : IDisposable
    {
        private readonly Dictionary<string, MetricCollector<double>> _collectors = Durations.Append("upstream.connect").ToDictionary(
            name => name, name => new MetricCollector<double>(factory, RequestMetrics.MeterName, $"timingproxy.{name}.duration"));

        public IReadOnlyList<CollectedMeasurement<double>> Of(string name) => _collectors[name].GetMeasurementSnapshot();

        public void Dispose()
        {
            foreach (var collector in _collectors.Values)
            {
                collector.Dispose();
            }
        }
    }
}
