using System.Diagnostics.Metrics;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using TimingProxy.Metrics;
using TimingProxy.Timing;

namespace TimingProxy.Tests.Metrics;

public sealed class StateMetricsTests : IDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly FinishedRequests _time = new();
    private readonly ClusterLoads _loads = new();
    private readonly InFlightLedger _ledger;
    private bool _reloadSuccessful = true;
    private long _dropped;

    public StateMetricsTests()
    {
        _ledger = new InFlightLedger(_time.Clock);
        _ = new StateMetrics(Factory, _ledger, _loads, _time.Clock, new ClockDisturbance(), new ObservedState(
            () => _reloadSuccessful, () => DateTimeOffset.UnixEpoch.AddMilliseconds(1_700_000_000_500), () => _dropped));
    }

    [Fact]
    public void InFlight_Levels_AreTheContracts()
    {
        for (int i = 1; i <= 100; i++)
        {
            Assert.Equal(i, _ledger.Arrive(_time.Clock.Now));
            _time.Advance(1000);
        }

        var seconds = Read<double>("timingproxy.inflight");

        Assert.Equal(
            ["1", "2", "3", "4", "5-6", "7-8", "9-12", "13-16", "17-24", "25-32", "33-48", "49-64", "65-96", "97-128"],
            seconds.Select(one => one.Tags["inflight"]));
        Assert.Equal([1, 1, 1, 1, 2, 2, 4, 4, 8, 8, 16, 16, 32, 4], seconds.Select(one => Math.Round(one.Value, 6)));
    }

    [Fact]
    public void InFlight_DeparturesAndUpstreamTime_AreUnderTheLevelOfEach()
    {
        _ledger.Arrive(_time.Clock.Now);
        int second = _ledger.Arrive(_time.Clock.Now);
        _time.Advance(500);
        _ledger.Depart(_time.Clock.Now, _time.Ticks(500), second);
        _ledger.Depart(_time.Clock.Now, _time.Ticks(700), 1);

        Assert.Equal([("1", 1.0), ("2", 1.0)], Read<double>("timingproxy.inflight.departures").Select(one => ((string)one.Tags["inflight"]!, one.Value)));
        Assert.Equal(
            [("1", 0.7), ("2", 0.5)],
            Read<double>("timingproxy.inflight.upstream").Select(one => ((string)one.Tags["inflight"]!, Math.Round(one.Value, 6))));
    }

    [Fact]
    public void InFlight_LevelLeftAMomentBeforeItWasRead_DoesNotStepBack()
    {
        _ledger.Arrive(_time.Clock.Now);
        _time.Advance(1000);
        // Taken before the look, and told after it.
        long left = _time.Clock.Now;
        _time.Advance(1);
        double before = Assert.Single(Read<double>("timingproxy.inflight")).Value;

        _ledger.Depart(left, 0, 1);

        Assert.Equal(before, Assert.Single(Read<double>("timingproxy.inflight")).Value);
    }

    [Fact]
    public void Gauges_SayHowThingsStand()
    {
        var load = _loads.Of("upstream");
        load.RequestStarted();
        load.RequestStarted();
        load.RequestUpgraded();
        _dropped = 7;

        var active = Assert.Single(Read<int>("timingproxy.active_requests"));
        Assert.Equal((1, "upstream"), (active.Value, active.Tags["cluster"]));
        Assert.Equal(1, Assert.Single(Read<int>("timingproxy.upgraded_connections")).Value);
        Assert.Equal(1, Assert.Single(Read<int>("timingproxy.config.last_reload_successful")).Value);
        Assert.Equal(1_700_000_000.5, Assert.Single(Read<double>("timingproxy.config.last_reload_success_timestamp")).Value);
        Assert.Equal(7, Assert.Single(Read<long>("timingproxy.accesslog.dropped")).Value);
        var build = Assert.Single(Read<int>("timingproxy.build_info"));
        Assert.Equal(1, build.Value);
        Assert.Equal(StateMetrics.Version, build.Tags["version"]);
        Assert.StartsWith(".NET", (string)build.Tags["runtime"]!, StringComparison.Ordinal);

        _reloadSuccessful = false;
        Assert.Equal(0, Assert.Single(Read<int>("timingproxy.config.last_reload_successful")).Value);
    }

    [Fact]
    public void ClockDisturbed_ByCause_NeverFalls()
    {
        var first = Read<double>("timingproxy.clock.disturbed").ToDictionary(one => (string)one.Tags["cause"]!, one => one.Value);
        GC.Collect();
        var second = Read<double>("timingproxy.clock.disturbed").ToDictionary(one => (string)one.Tags["cause"]!, one => one.Value);

        Assert.Contains("gc", first.Keys);
        Assert.Subset(new HashSet<string> { "gc", "throttled", "starved" }, first.Keys.ToHashSet());
        Assert.All(first, cause => Assert.True(second[cause.Key] >= cause.Value));
        Assert.True(second["gc"] > first["gc"]);
        Assert.Equal(File.Exists("/proc/self/schedstat"), first.ContainsKey("starved"));
    }

    public void Dispose() => _services.Dispose();

    private IMeterFactory Factory => _services.GetRequiredService<IMeterFactory>();

    private IReadOnlyList<CollectedMeasurement<T>> Read<T>(string name)
        where T : struct
    {
        using var collector = new MetricCollector<T>(Factory, RequestMetrics.MeterName, name);
        collector.RecordObservableInstruments();
        return collector.GetMeasurementSnapshot();
    }
}
