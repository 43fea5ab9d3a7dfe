using System.Diagnostics.Metrics;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using TimingProxy.Timing;

namespace TimingProxy.Metrics;

/// <summary>State of other rooms that is read at each scrape; wired where the rooms are put together.</summary>
internal sealed record ObservedState(
    Func<bool> LastReloadSuccessful, Func<DateTimeOffset> LastReloadSuccess, Func<long> AccessLogDropped);

/// <summary>What is not recorded but looked at when somebody asks: requests in flight, configuration, the build.</summary>
internal sealed class StateMetrics
{
    private const string ActiveRequestsName = "timingproxy.active_requests";
    private const string UpgradedConnectionsName = "timingproxy.upgraded_connections";

    // Level 0 is idleness and has no series.
    private static readonly string[] LevelLabels = LabelsOfLevels();

    private readonly InFlightLedger _ledger;
    private readonly RequestClock _clock;
    private readonly LevelTotals[] _levels = new LevelTotals[InFlightLevels.Count];
    private readonly Lock _reading = new();

    public StateMetrics(
        IMeterFactory meters, InFlightLedger ledger, ClusterLoads loads, RequestClock clock, ClockDisturbance disturbance, ObservedState state)
    {
        _ledger = ledger;
        _clock = clock;
        var meter = meters.Create(RequestMetrics.MeterName);
        meter.CreateObservableUpDownCounter(
            ActiveRequestsName,
            () => loads.All.Select(load => new Measurement<int>(load.ActiveRequests, KeyValuePair.Create("cluster", (object?)load.Cluster))),
            null,
            "Requests handed to a cluster and not yet completed.");
        meter.CreateObservableUpDownCounter(
            UpgradedConnectionsName,
            () => loads.All.Select(load => new Measurement<int>(load.UpgradedConnections, KeyValuePair.Create("cluster", (object?)load.Cluster))),
            null,
            "Upgraded connections (WebSocket) that are open.");
        meter.CreateObservableGauge(
            "timingproxy.config.last_reload_successful", () => state.LastReloadSuccessful() ? 1 : 0, null, "Whether the last change of the configuration was taken.");
        meter.CreateObservableGauge(
            "timingproxy.config.last_reload_success_timestamp",
            () => state.LastReloadSuccess().ToUnixTimeMilliseconds() / 1000.0,
            "s",
            "When a configuration was last taken.");
        meter.CreateObservableGauge(
            "timingproxy.build_info",
            () => new Measurement<int>(1, KeyValuePair.Create("version", (object?)Version), KeyValuePair.Create("runtime", (object?)RuntimeInformation.FrameworkDescription)),
            null,
            "Always 1; the version is in the labels.");
        meter.CreateObservableCounter("timingproxy.accesslog.dropped", state.AccessLogDropped, null, "Access log lines that were dropped.");
        meter.CreateObservableCounter("timingproxy.clock.disturbed", disturbance.Read, "s", "Time in which the clock of requests may have been late, by cause.");
        meter.CreateObservableCounter("timingproxy.inflight", () => Levels(level => _clock.ToSeconds(level.Ticks)), "s", "Time spent at each number of requests in flight.");
        meter.CreateObservableCounter("timingproxy.inflight.departures", () => Levels(level => level.Departures), null, "Answers that came at each number of requests in flight.");
        meter.CreateObservableCounter(
            "timingproxy.inflight.upstream", () => Levels(level => _clock.ToSeconds(level.UpstreamTicks)), "s", "Upstream time, waiting for a connection included, of the requests that made it each number in flight.");
    }

    /// <summary>Version of the product, without the commit.</summary>
    public static string Version { get; } =
        typeof(StateMetrics).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    /// <summary>Whether an instrument has as many series as the configuration has clusters.</summary>
    public static bool IsByCluster(Instrument instrument) => instrument.Name is ActiveRequestsName or UpgradedConnectionsName;

    private Measurement<double>[] Levels(Func<LevelTotals, double> figure)
    {
        lock (_reading)
        {
            // Under such traffic that no moment is quiet, the figures are those of the scrape before.
            Span<LevelTotals> fresh = stackalloc LevelTotals[InFlightLevels.Count];
            if (_ledger.TryRead(fresh, out _, out _))
            {
                for (int level = 0; level < fresh.Length; level++)
                {
                    // A level that was occupied when last read may turn out to have been left a moment before that; a counter that
                    // steps back, by however little, is taken for one that began anew.
                    _levels[level] = fresh[level] with { Ticks = Math.Max(fresh[level].Ticks, _levels[level].Ticks) };
                }
            }

            var sums = new List<Measurement<double>>();
            for (int level = 1; level < LevelLabels.Length;)
            {
                string label = LevelLabels[level];
                double sum = 0;
                bool wasSeen = false;
                for (; level < LevelLabels.Length && LevelLabels[level] == label; level++)
                {
                    sum += figure(_levels[level]);
                    wasSeen |= _levels[level] != default;
                }

                if (wasSeen)
                {
                    sums.Add(new Measurement<double>(sum, KeyValuePair.Create("inflight", (object?)label)));
                }
            }

            return [.. sums];
        }
    }

    /// <summary>1, 2, 3, 4, then two to an octave: 5-6, 7-8, 9-12, 13-16, 17-24, …</summary>
    private static string[] LabelsOfLevels()
    {
        var labels = new string[InFlightLevels.Count];
        for (int level = 0; level < labels.Length; level++)
        {
            int last = InFlightLevels.UpperBound(level);
            if (last <= 4)
            {
                labels[level] = last.ToString(CultureInfo.InvariantCulture);
                continue;
            }

            int octave = 4;
            while (octave * 2 < last)
            {
                octave *= 2;
            }

            int half = octave * 3 / 2;
            labels[level] = string.Create(CultureInfo.InvariantCulture, $"{(last > half ? half : octave) + 1}-{(last > half ? octave * 2 : half)}");
        }

        return labels;
    }
}
