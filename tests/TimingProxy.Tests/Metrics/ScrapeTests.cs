using System.Diagnostics;
using System.Text.RegularExpressions;
using TimingProxy.Settings;
using TimingProxy.Tests.Docs;
using TimingProxy.Tests.Functional;
using TimingProxy.Timing;

namespace TimingProxy.Tests.Metrics;

/// <summary>Names, kinds, labels and forms, as a scraper gets them.</summary>
[Collection(nameof(RunsAlone))]
public sealed partial class ScrapeTests
{
    private const string OpenMetrics = "application/openmetrics-text; version=1.0.0";

    private static readonly Dictionary<string, (string Kind, string Labels)> Contract = new()
    {
        ["timingproxy_upstream_duration_seconds"] = ("histogram", "cluster http_request_method http_response_status_code route"),
        ["timingproxy_request_duration_seconds"] = ("histogram", "http_response_status_code route"),
        ["timingproxy_upstream_body_duration_seconds"] = ("histogram", "route"),
        ["timingproxy_overhead_duration_seconds"] = ("histogram", ""),
        ["timingproxy_upstream_connect_duration_seconds"] = ("histogram", "cluster"),
        ["timingproxy_app_reported_duration_seconds"] = ("histogram", "route"),
        ["timingproxy_app_queue_duration_seconds"] = ("histogram", "route"),
        ["timingproxy_upstream_queue_duration_seconds"] = ("histogram", "cluster"),
        ["timingproxy_active_requests"] = ("gauge", "cluster"),
        ["timingproxy_upgraded_connections"] = ("gauge", "cluster"),
        ["timingproxy_upgraded_duration_seconds"] = ("histogram", "cluster"),
        ["timingproxy_request_failures_total"] = ("counter", "error_type route"),
        ["timingproxy_config_last_reload_successful"] = ("gauge", ""),
        ["timingproxy_config_last_reload_success_timestamp_seconds"] = ("gauge", ""),
        ["timingproxy_build_info"] = ("gauge", "runtime version"),
        ["timingproxy_inflight_seconds_total"] = ("counter", "inflight"),
        ["timingproxy_inflight_departures_total"] = ("counter", "inflight"),
        ["timingproxy_inflight_upstream_seconds_total"] = ("counter", "inflight"),
        ["timingproxy_accesslog_dropped_total"] = ("counter", ""),
        ["timingproxy_series_overflow_total"] = ("counter", ""),
        ["timingproxy_clock_disturbed_seconds_total"] = ("counter", "cause"),
        ["process_cpu_seconds_total"] = ("counter", ""),
        ["process_resident_memory_bytes"] = ("gauge", ""),
        ["process_open_fds"] = ("gauge", ""),
        ["process_max_fds"] = ("gauge", ""),
        ["process_start_time_seconds"] = ("gauge", ""),
    };

    private static readonly string[] ForeignInstruments = ["dotnet_gc_collections_total", "dotnet_thread_pool_thread_count_total", "dotnet_process_memory_working_set_bytes"];

    [Fact]
    public async Task Scrape_WithEveryKindOfTraffic_IsTheContractsTable()
    {
        await using var host = await StartWithTrafficAsync();

        string text = (await host.GetAsync("text/plain")).Text;

        var kinds = TypeLine().Matches(text).ToDictionary(match => match.Groups[1].Value, match => match.Groups[2].Value);
        Assert.Equal(Contract.Keys.Order(), kinds.Keys.Where(name => name.StartsWith("timingproxy_", StringComparison.Ordinal) || name.StartsWith("process_", StringComparison.Ordinal)).Order());
        foreach (var (name, (kind, labels)) in Contract)
        {
            Assert.Equal((name, kind), (name, kinds[name]));
            var samples = Regex.Matches(text, $"^{name}(?:_count)?(?:{{(.*)}})? ", RegexOptions.Multiline);
            Assert.NotEmpty(samples);
            Assert.All(samples, sample => Assert.Equal((name, labels), (name, string.Join(' ', LabelName().Matches(sample.Groups[1].Value).Select(match => match.Groups[1].Value).Order(StringComparer.Ordinal)))));
            Assert.Matches(new Regex($"^# HELP {name} \\S", RegexOptions.Multiline), text);
        }

        Assert.All(ForeignInstruments, name => Assert.Contains(name, kinds.Keys));
        // Names that promtool takes for those of counters and histograms.
        Assert.DoesNotContain(kinds.Keys, name => name is "dotnet_assembly_count" or "dotnet_process_cpu_count" or "dotnet_timer_count");
        Assert.DoesNotContain("otel_scope", text, StringComparison.Ordinal);
        Assert.DoesNotContain("otel_metric_overflow", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Documentation_NamesEveryMetricOfAScrape()
    {
        string page = await File.ReadAllTextAsync(Repository.PathOf("docs/metrics.md"), TestContext.Current.CancellationToken);
        await using var host = await StartWithTrafficAsync();

        string text = (await host.GetAsync("text/plain")).Text;

        Assert.All(Contract.Keys, name => Assert.Contains($"`{name}`", page, StringComparison.Ordinal));
        var others = TypeLine().Matches(text).Select(match => match.Groups[1].Value).Where(name => !Contract.ContainsKey(name));
        Assert.All(others, name => Assert.True(name.StartsWith("dotnet_", StringComparison.Ordinal) || page.Contains($"`{name}`", StringComparison.Ordinal), name));
    }

    [Fact]
    public async Task Buckets_AreTheConfiguredOnesAndThoseOfObjectives()
    {
        await using var host = await StartWithTrafficAsync(new MetricsSettings { SloMs = [300] });

        string text = (await host.GetAsync("text/plain")).Text;

        foreach (string name in Contract.Where(metric => metric.Value.Kind == "histogram").Select(metric => metric.Key))
        {
            var bounds = Regex.Matches(text, $"^{name}_bucket{{.*le=\"([^\"]*)\"}} ", RegexOptions.Multiline).Select(match => match.Groups[1].Value).Distinct();
            Assert.Equal(["0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.3", "0.5", "1", "1.2", "2.5", "5", "10", "30", "+Inf"], bounds);
        }
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData("*/*", false)]
    [InlineData("text/plain", false)]
    [InlineData("text/html,application/xhtml+xml,*/*;q=0.8", false)]
    [InlineData("application/openmetrics-text", true)]
    [InlineData(OpenMetrics, true)]
    [InlineData("application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", true)]
    [InlineData("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.4,*/*;q=0.3", true)]
    public async Task Scrape_IsInTheFormThatIsAskedFor(string? accept, bool isOpenMetrics)
    {
        await using var host = await StartWithTrafficAsync();

        var (type, text) = await host.GetAsync(accept);

        Assert.StartsWith(isOpenMetrics ? OpenMetrics : "text/plain; version=0.0.4", type, StringComparison.Ordinal);
        Assert.Equal(isOpenMetrics, text.EndsWith("# EOF\n", StringComparison.Ordinal));
        Assert.Contains("timingproxy_upstream_duration_seconds_bucket{", text, StringComparison.Ordinal);
        Assert.Contains("timingproxy_request_failures_total{", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Scrape_LongAndShortAnswersInTurnAndAtOnce_AreEachWhole()
    {
        await using var host = await StartWithTrafficAsync();

        for (int round = 0; round < 5; round++)
        {
            // OpenMetrics is the longer one, and its end is unlike the other's.
            var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => host.GetAsync(i % 2 == 0 ? OpenMetrics : "text/plain")));

            for (int i = 0; i < answers.Length; i++)
            {
                string text = answers[i].Text;
                Assert.StartsWith("# ", text, StringComparison.Ordinal);
                Assert.EndsWith("\n", text, StringComparison.Ordinal);
                Assert.Equal(i % 2 == 0 ? text.Length - "# EOF\n".Length : -1, text.IndexOf("# EOF\n", StringComparison.Ordinal));
            }
        }
    }

    [Theory]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true)]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", false)]
    [InlineData("00-00000000000000000000000000000000-b7ad6b7169203331-01", false)]
    [InlineData("garbage", false)]
    [InlineData(null, false)]
    public async Task Exemplar_IsThereForSampledTracesOnly(string? traceParent, bool hasExemplar)
    {
        await using var host = await MetricsHost.StartAsync();
        var request = host.Requests.Of(upstreamMs: 40);
        request.Context.Request.Headers.TraceParent = traceParent;

        host.Metrics.OnCompleted(request);

        Assert.Null(Activity.Current);
        var (_, text) = await host.GetAsync(OpenMetrics);
        string bucket = Assert.Single(text.Split('\n'), line =>
            line.StartsWith("timingproxy_upstream_duration_seconds_bucket", StringComparison.Ordinal) && line.Contains("le=\"0.05\"", StringComparison.Ordinal));
        Assert.Equal(hasExemplar, bucket.Contains("# {", StringComparison.Ordinal));
        Assert.Equal(hasExemplar, bucket.Contains("trace_id=\"0af7651916cd43dd8448eb211c80319c\"", StringComparison.Ordinal));
        Assert.DoesNotContain("trace_id", (await host.GetAsync("text/plain")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Recording_OnceALabelSetIsKnown_AllocatesNothing()
    {
        await using var host = await MetricsHost.StartAsync(new ProxySettings { Upstream = new UpstreamSettings { MaxConnections = 3 } });
        RequestTiming[] requests =
        [
            host.Requests.Of(how: timing => timing.AppReportedTicks = 1),
            host.Requests.Of(status: 504, hasResponse: false, errorType: ErrorType.Timeout),
            host.Requests.Of(status: 101, how: timing => timing.MarkUpgraded()),
        ];
        Record(100);
        long before = GC.GetAllocatedBytesForCurrentThread();

        Record(1_000);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Record(int times)
        {
            for (int i = 0; i < times; i++)
            {
                foreach (var request in requests)
                {
                    host.Metrics.OnCompleted(request);
                }

                host.Metrics.ConnectionOpened("upstream", 1);
            }
        }
    }

    private static async Task<MetricsHost> StartWithTrafficAsync(MetricsSettings? metrics = null)
    {
        var host = await MetricsHost.StartAsync(new ProxySettings
        {
            Upstream = new UpstreamSettings { MaxConnections = 3 },
            Metrics = metrics ?? new MetricsSettings { MaxSeries = 3 },
        });
        host.Metrics.OnCompleted(host.Requests.Of(how: timing => timing.AppReportedTicks = 1));
        host.Metrics.OnCompleted(host.Requests.Of(status: 502, hasResponse: false, errorType: ErrorType.Connect));
        host.Metrics.OnCompleted(host.Requests.Of(status: 101, how: timing => timing.MarkUpgraded()));
        // One more than MaxSeries.
        host.Metrics.OnCompleted(host.Requests.Of(status: 404));
        host.Metrics.OnCompleted(host.Requests.Of(status: 403));
        host.Metrics.ConnectionOpened("upstream", 1);
        return host;
    }

    [GeneratedRegex("^# TYPE (\\S+) (\\S+)$", RegexOptions.Multiline)]
    private static partial Regex TypeLine();

    [GeneratedRegex("(\\w+)=\"")]
    private static partial Regex LabelName();
}
