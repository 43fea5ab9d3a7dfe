using System.Text.Json;

namespace TimingProxy.EndToEnd.Fixtures;

/// <summary>Our Grafana dashboard.</summary>
public static class Dashboard
{
    public static string Path => System.IO.Path.Combine(Peers.Repository, "config", "grafana", "timingproxy.json");

    public static JsonElement Read()
    {
        using var document = JsonDocument.Parse(File.ReadAllText(Path));
        return document.RootElement.Clone();
    }

    /// <summary>Every expression that Grafana would ask Prometheus for, with all jobs, instances and routes chosen.</summary>
    public static IEnumerable<(string Panel, string Expression)> Expressions()
    {
        var dashboard = Read();
        foreach (var panel in dashboard.GetProperty("panels").EnumerateArray().Where(panel => panel.TryGetProperty("targets", out _)))
        {
            foreach (var target in panel.GetProperty("targets").EnumerateArray())
            {
                yield return (panel.GetProperty("title").GetString()!, Filled(target.GetProperty("expr").GetString()!));
            }
        }

        foreach (var variable in dashboard.GetProperty("templating").GetProperty("list").EnumerateArray().Where(variable => variable.GetProperty("type").GetString() == "query"))
        {
            // label_values(selector, label): the selector must select something.
            var query = variable.GetProperty("query").GetProperty("query").GetString()!;
            yield return ($"variable {variable.GetProperty("name").GetString()}", Filled(query["label_values(".Length..query.LastIndexOf(',')]));
        }
    }

    private static string Filled(string expression) => expression
        .Replace("$__rate_interval", "1m", StringComparison.Ordinal)
        .Replace("$__range", "5m", StringComparison.Ordinal)
        .Replace("$job", ".*", StringComparison.Ordinal)
        .Replace("$instance", ".*", StringComparison.Ordinal)
        .Replace("$route", ".*", StringComparison.Ordinal);
}
