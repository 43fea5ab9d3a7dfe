using System.Globalization;
using System.Text.Json;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>Debian's Prometheus scrapes the admin port and computes the known delay from the histogram.</summary>
public sealed class PrometheusTests
{
    [Fact]
    public async Task Prometheus_ScrapingAdminPort_ComputesTheKnownDelay()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var executable = Peers.Tool("prometheus", "prometheus");
        await using var backend = new RawBackend(RawBackend.Answering("hello", delayMs: 30));
        await using var proxy = await ProxyProcess.InFrontOfAsync(backend.Port, cancellationToken);
        await proxy.GetAsync("/", cancellationToken);
        await proxy.ScrapeUntilAsync(s => s.Sum("timingproxy_upstream_duration_seconds_count") >= 1, "the first request", cancellationToken);
        using var folder = new TempFolder();
        var port = FreePort.Next();
        await File.WriteAllTextAsync(folder.File("prometheus.yml"), $$"""
            global: { scrape_interval: 500ms, scrape_timeout: 400ms }
            scrape_configs:
              - job_name: timingproxy
                static_configs: [{ targets: ["127.0.0.1:{{proxy.AdminPort}}"] }]
            """, cancellationToken);
        await using var prometheus = ProcessRunner.Start(executable,
            [$"--config.file={folder.File("prometheus.yml")}", $"--storage.tsdb.path={folder.File("data")}", $"--web.listen-address=127.0.0.1:{port}"]);
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };

        await prometheus.WaitUntilReadyAsync(() => QueryAsync(client, "up", 1, cancellationToken), cancellationToken);
        await WaitForCountAsync(1);
        for (var i = 0; i < 40; i++)
        {
            await proxy.GetAsync("/", cancellationToken);
        }

        await WaitForCountAsync(41);
        var median = await ValueAsync(client, "histogram_quantile(0.5, sum by (le) (rate(timingproxy_upstream_duration_seconds_bucket[1m])))", cancellationToken);
        Assert.InRange(median ?? 0, 0.025, 0.1);

        using var targets = JsonDocument.Parse(await client.GetStringAsync("/api/v1/targets", cancellationToken));
        var target = Assert.Single(targets.RootElement.GetProperty("data").GetProperty("activeTargets").EnumerateArray());
        Assert.Equal("up", target.GetProperty("health").GetString());
        Assert.Equal("", target.GetProperty("lastError").GetString());
        Assert.DoesNotContain("level=error", prometheus.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("level=warn", prometheus.Errors, StringComparison.Ordinal);

        Task WaitForCountAsync(double count) => Until.TrueAsync(
            () => QueryAsync(client, "sum(timingproxy_upstream_duration_seconds_count)", count, cancellationToken),
            () => $"Prometheus never saw {count} requests. {prometheus.Story}",
            cancellationToken);
    }

    [Fact]
    public async Task PromtoolCheckMetrics_OnAdminPort_SaysNothingOfOurs()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var promtool = Peers.Tool("promtool", "prometheus");
        var shell = Peers.Tool("sh", "dash");
        await using var backend = new RawBackend(RawBackend.Answering("hello"));
        await using var proxy = await ProxyProcess.InFrontOfAsync(backend.Port, cancellationToken);
        await proxy.GetAsync("/", cancellationToken);
        backend.Refuse();
        await proxy.GetAsync("/", cancellationToken);
        var scrape = await proxy.ScrapeUntilAsync(s => s.Sum("timingproxy_request_failures_total") == 1, "the failure", cancellationToken);
        using var folder = new TempFolder();
        await File.WriteAllTextAsync(folder.File("metrics.txt"), scrape.Text, cancellationToken);

        var (_, output, errors) = await ProcessRunner.RunAsync(
            shell, ["-c", "exec \"$0\" check metrics < metrics.txt", promtool], cancellationToken, workingDirectory: folder.Path);

        Assert.DoesNotContain("timingproxy_", output + errors, StringComparison.Ordinal);
        Assert.DoesNotContain("error while linting", output + errors, StringComparison.Ordinal);
    }

    private static async Task<bool> QueryAsync(HttpClient client, string query, double wanted, CancellationToken cancellationToken)
    {
        try
        {
            return await ValueAsync(client, query, cancellationToken) == wanted;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    /// <summary>The one value of an instant query; null where there is none.</summary>
    private static async Task<double?> ValueAsync(HttpClient client, string query, CancellationToken cancellationToken)
    {
        using var answer = JsonDocument.Parse(await client.GetStringAsync($"/api/v1/query?query={Uri.EscapeDataString(query)}", cancellationToken));
        var result = answer.RootElement.GetProperty("data").GetProperty("result");
        return result.GetArrayLength() == 0
            ? null
            : double.Parse(result[0].GetProperty("value")[1].GetString()!, CultureInfo.InvariantCulture);
    }
}
