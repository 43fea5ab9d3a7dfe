using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Running;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using TimingProxy.Insight;
using TimingProxy.Metrics;
using TimingProxy.Routes;
using TimingProxy.Settings;
using TimingProxy.Timing;

namespace TimingProxy.Benchmarks.Micro;

/// <summary>What is done for each request beside forwarding it, step by step. Nothing of it may allocate.</summary>
[MemoryDiagnoser]
public class HotPathBenchmarks : IDisposable
{
    private readonly ServiceProvider _services;
    private readonly MeterProvider _provider;
    private readonly RequestMetrics _metrics;
    private readonly InsightRecorder _insight;
    private readonly RouteLabels _labels;
    private readonly InFlightLedger _ledger;
    private readonly TimingHeaders _headers;
    private readonly RequestTiming _request;

    public HotPathBenchmarks()
    {
        var settings = new LiveSettings(new ProxySettings());
        var clock = new RequestClock(TimeProvider.System);
        _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        _metrics = new RequestMetrics(_services.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>(), clock, settings);
        _provider = Sdk.CreateMeterProviderBuilder().AddMeter(RequestMetrics.MeterName).AddReader(new BaseExportingMetricReader(new Nowhere())).Build();
        _ledger = new InFlightLedger(clock);
        _insight = new InsightRecorder(_ledger, clock, TimeProvider.System, static () => [], NullLogger<InsightRecorder>.Instance);
        _labels = new RouteLabels(settings);
        _headers = new TimingHeaders(settings);
        var context = new DefaultHttpContext { Request = { Method = "GET", Path = "/articles/12" } };
        _request = new RequestTiming(context, clock);
        _request.MarkForwarded(new ClusterLoad("upstream"));
        _request.MarkStarted();
        _request.MarkResponded(hasResponse: true);
        _request.MarkStamped();
        _request.MarkCompleted();
    }

    public static void Run(string[] options) => BenchmarkSwitcher.FromTypes([typeof(HotPathBenchmarks)]).Run(options);

    [Benchmark]
    public void Ledger()
    {
        long now = _request.Clock.Now;
        int inFlight = _ledger.Arrive(now);
        _ledger.Depart(now, 100, inFlight);
    }

    [Benchmark]
    public void Stamp() => _headers.Stamp(_request);

    [Benchmark]
    public void Label() => _labels.Label(_request);

    [Benchmark]
    public void Metrics() => _metrics.OnCompleted(_request);

    [Benchmark]
    public void Insight() => _insight.OnCompleted(_request);

    public void Dispose()
    {
        _provider.Dispose();
        _services.Dispose();
        _insight.Dispose();
        GC.SuppressFinalize(this);
    }

    private sealed class Nowhere : BaseExporter<Metric>
    {
        public override ExportResult Export(in Batch<Metric> batch) => ExportResult.Success;
    }
}
