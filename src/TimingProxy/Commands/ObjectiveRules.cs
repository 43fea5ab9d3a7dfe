using System.Text;

namespace TimingProxy.Commands;

/// <summary>
/// Prometheus rules for an objective: the shares that miss it over several windows, Apdex, and alerts on the speed at which the error budget
/// burns. Windows and speeds are those of <em>The Site Reliability Workbook</em> (Beyer and others, 2018), chapter 5: a long window says that
/// it matters, a short one that it is still going on.
/// </summary>
internal static class ObjectiveRules
{
    private const string Answers = "timingproxy_request_duration_seconds_count";
    private const string Failures = "timingproxy_request_failures_total";
    private const string Upstream = "timingproxy_upstream_duration_seconds";

    private static readonly string[] Windows = ["5m", "30m", "1h", "2h", "6h", "1d", "3d"];

    /// <summary>A burn of 1 uses a budget of thirty days up in thirty days.</summary>
    private static readonly (string Long, string Short, decimal Burn, string For, string Severity)[] Alerts =
    [
        ("1h", "5m", 14.4m, "2m", "page"),
        ("6h", "30m", 6, "15m", "page"),
        ("1d", "2h", 3, "1h", "ticket"),
        ("3d", "6h", 1, "3h", "ticket"),
    ];

    public static string Of(Objective objective)
    {
        string target = Objective.Text(objective.TargetPercent);
        string ms = Objective.Text(objective.Ms);
        // One group, whose rules run in this order: alerts see the ratios of the same moment.
        var text = new StringBuilder($"""
            # Made by: timingproxy rules --slo-ms {ms} --slo-target {target}
            # Start the proxies with TIMINGPROXY_METRICS__SLOMS={ms}: the histograms then have exact bounds at {ms} ms and four times that.
            groups:
              - name: timingproxy-objective
                rules:

            """);
        foreach (string window in Windows)
        {
            text.Append(Ratios(objective, window));
        }

        text.Append($"""
                  - record: job_route:timingproxy_apdex:ratio_rate5m
                    expr: |
                      (
                        sum by (job, route) (rate({Upstream}_bucket{OfNoFailure(Objective.Bound(objective.Ms))}[5m]))
                        + sum by (job, route) (rate({Upstream}_bucket{OfNoFailure(Objective.Bound(4 * objective.Ms))}[5m]))
                      ) / 2 / sum by (job, route) (rate({Upstream}_count[5m]))

            """);
        foreach (var (name, kind, says) in new[]
        {
            ("Latency", "latency", $"of the answers take longer than {ms} ms"),
            ("Availability", "availability", "of the requests fail"),
        })
        {
            // A budget of a tenth cannot burn more than ten times as fast as it should.
            foreach (var alert in Alerts.Where(alert => alert.Burn * objective.Budget < 1))
            {
                text.Append(Alert(objective, name, kind, says, alert));
            }
        }

        return text.ToString();
    }

    /// <summary>
    /// Too slow are answers that are no failures. Failed are those with a 5xx, the proxy's own 502, 503 and 504 among them, and those whose body
    /// broke off. The first <c>or</c> unites two sets of series; the second gives 0 where nothing has failed yet.
    /// </summary>
    private static string Ratios(Objective objective, string window) => $$"""
              - record: job:timingproxy_slow:ratio_rate{{window}}
                expr: |
                  1 - sum by (job) (rate({{Upstream}}_bucket{{OfNoFailure(Objective.Bound(objective.Ms))}}[{{window}}]))
                  / sum by (job) (rate({{Upstream}}_count{{OfNoFailure(null)}}[{{window}}]))
              - record: job:timingproxy_failed:ratio_rate{{window}}
                expr: |
                  (
                    sum by (job) (
                      rate({{Answers}}{http_response_status_code=~"5.."}[{{window}}])
                      or rate({{Failures}}{error_type="body"}[{{window}}])
                    )
                    or 0 * sum by (job) (rate({{Answers}}[{{window}}]))
                  ) / sum by (job) (rate({{Answers}}[{{window}}]))

        """;

    private static string OfNoFailure(string? bound) => $"{{http_response_status_code!~\"5..\"{(bound is null ? "" : $",{bound}")}}}";

    private static string Alert(
        Objective objective, string name, string kind, string says, (string Long, string Short, decimal Burn, string For, string Severity) alert)
    {
        string record = kind == "latency" ? "job:timingproxy_slow:ratio_rate" : "job:timingproxy_failed:ratio_rate";
        string limit = $"{Objective.Text(alert.Burn)} * {Objective.Text(objective.Budget)}";
        return $$$"""
                  - alert: TimingProxy{{{name}}}BudgetBurns
                    expr: {{{record}}}{{{alert.Long}}} > {{{limit}}} and {{{record}}}{{{alert.Short}}} > {{{limit}}}
                    for: {{{alert.For}}}
                    labels: { severity: {{{alert.Severity}}}, objective: {{{kind}}}, window: {{{alert.Long}}} }
                    annotations:
                      summary: "{{ $labels.job }}: the {{{kind}}} budget burns {{{(alert.Burn == 1 ? "faster than it may" : $"more than {Objective.Text(alert.Burn)} times as fast as it may")}}}"
                      description: "{{ $value | humanizePercentage }} {{{says}}} over {{{alert.Long}}}; the objective allows {{{Objective.Text(objective.Budget * 100)}}} %."

            """;
    }
}
