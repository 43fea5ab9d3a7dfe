using System.Text.RegularExpressions;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>The rules of config/prometheus and the dashboard of config/grafana, with the tools and the server they are written for.</summary>
public sealed partial class PrometheusRulesTests
{
    private const string Discovery = "kubernetes_sd_configs:\n      - role: pod";

    private static readonly string Folder = Path.Combine(Peers.Repository, "config", "prometheus");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Promtool_OnRulesTestsAndConfigurations_FindsNothing()
    {
        using var folder = new TempFolder();
        foreach (var arguments in new[]
        {
            ["check", "rules", .. Directory.GetFiles(Folder, "*.rules.yml")],
            ["test", "rules", .. Directory.GetFiles(Folder, "*.test.yml")],
            ["check", "config", "--syntax-only", Path.Combine(Folder, "scrape.yml")],
            ["check", "config", "--syntax-only", await WithoutDiscoveryAsync(folder)],
            new[] { "check", "config", "--syntax-only", Path.Combine(Peers.Repository, "deploy", "compose", "prometheus.yml") },
        })
        {
            var (exitCode, output, errors) = await ProcessRunner.RunAsync(Peers.Tool("promtool", "prometheus"), arguments, Cancel);
            Assert.True(exitCode == 0, $"promtool {string.Join(' ', arguments)}\n{output}\n{errors}");
        }
    }

    [Fact]
    public async Task EveryAlert_OfOurRules_IsTestedBothWays()
    {
        var rules = await Task.WhenAll(Directory.GetFiles(Folder, "*.rules.yml").Select(path => File.ReadAllTextAsync(path, Cancel)));
        var tests = string.Join('\n', await Task.WhenAll(Directory.GetFiles(Folder, "*.test.yml").Select(path => File.ReadAllTextAsync(path, Cancel))));

        var untested = rules.SelectMany(text => AlertName().Matches(text)).Select(match => match.Groups[1].Value).Distinct()
            .Where(name => !Regex.IsMatch(tests, $@"alertname: {name}\s+exp_alerts:\s+- exp_labels"));

        Assert.Empty(untested);
    }

    [Fact]
    public async Task ObjectiveRules_AsCommitted_AreWhatTheCommandPrints()
    {
        var path = Path.Combine(Folder, "objective.rules.yml");
        var (exitCode, output, errors) = await ProxyProcess.RunAsync(["rules", "--slo-ms", "300", "--slo-target", "99.5"], Cancel);
        Assert.True(exitCode == 0, errors);
        if (Environment.GetEnvironmentVariable("UPDATE_DOCS") == "1")
        {
            await File.WriteAllTextAsync(path, output + "\n", Cancel);
        }

        Assert.Equal(await File.ReadAllTextAsync(path, Cancel), output + "\n");
    }

    [Fact]
    public async Task EveryExpression_OfRulesAndDashboard_GivesDataUnderDemoTraffic()
    {
        await using var proxy = await ProxyProcess.StartAsync(["--demo"], Cancel, ("METRICS__SLOMS", "300"), ("UPSTREAM__MAXCONNECTIONS", "64"));
        await using var prometheus = await PrometheusServer.StartAsync(proxy.AdminPort, Cancel);

        // A failure and a 5xx of /flaky, so that they too have something to show.
        await AbandonAsync(proxy.Port);
        await proxy.ScrapeUntilAsync(scrape => scrape.Sum("timingproxy_request_failures_total") > 0, "the request that was abandoned", Cancel);
        await Until.TrueAsync(async () => (await proxy.GetAsync("/flaky", Cancel)).Status == 500, () => "/flaky never failed.", Cancel);
        var rules = await prometheus.RulesAsync(Cancel);
        Assert.NotEmpty(rules);
        (string From, string Expression)[] expressions =
        [
            .. rules.Select(rule => (rule.Name, rule.IsAlert ? AsValue(rule.Expression) : rule.Expression)),
            .. Dashboard.Expressions().Select(panel => (panel.Panel, panel.Expression)),
        ];

        List<string> missing = [];
        await Until.TrueAsync(
            async () =>
            {
                missing.Clear();
                foreach (var (from, expression) in expressions)
                {
                    var (series, error) = await prometheus.QueryAsync(expression, Cancel);
                    if (series == 0)
                    {
                        missing.Add($"{from}: {error ?? "no data"}: {expression}");
                    }
                }

                return missing.Count == 0;
            },
            () => $"{missing.Count} of {expressions.Length} gave nothing:\n{string.Join('\n', missing)}",
            Cancel,
            TimeSpan.FromSeconds(45));
        Assert.All(await prometheus.RulesAsync(Cancel), rule => Assert.True(rule.Health == "ok", $"{rule.Name}: {rule.Health} {rule.Error}"));
    }

    /// <summary>Debian's build has no discovery by Kubernetes: everything else of that file is checked.</summary>
    private static async Task<string> WithoutDiscoveryAsync(TempFolder folder)
    {
        var text = await File.ReadAllTextAsync(Path.Combine(Folder, "scrape-kubernetes.yml"), Cancel);
        Assert.Contains(Discovery, text, StringComparison.Ordinal);
        await File.WriteAllTextAsync(folder.File("scrape.yml"), text.Replace(Discovery, "static_configs: []", StringComparison.Ordinal), Cancel);
        return folder.File("scrape.yml");
    }

    /// <summary>The same with comparisons that give 0 instead of leaving out: data, whether or not the alert fires.</summary>
    private static string AsValue(string alert) => Comparison().Replace(alert, "$1 bool ");

    /// <summary>Leaves once the head of the answer is there: who leaves sooner may not have been noticed at all.</summary>
    private static async Task AbandonAsync(int port)
    {
        using var handler = new SocketsHttpHandler { MaxResponseDrainSize = 0 };
        using var client = new HttpClient(handler);
        using var answer = await client.GetAsync(new Uri($"http://127.0.0.1:{port}/events"), HttpCompletionOption.ResponseHeadersRead, Cancel);
    }

    [GeneratedRegex(@"^\s*- alert: (\w+)", RegexOptions.Multiline)]
    private static partial Regex AlertName();

    [GeneratedRegex(@"(?<=[\s\])])(>=|<=|==|!=|>|<) (?!bool)")]
    private static partial Regex Comparison();
}
