using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using TimingProxy.Benchmarks.Clock;
using TimingProxy.Benchmarks.Processes;
using TimingProxy.Benchmarks.Scrape;
using TimingProxy.Benchmarks.SideBySide;

namespace TimingProxy.Benchmarks.Reporting;

/// <summary>A run for people (Markdown) and for machines (JSON).</summary>
internal sealed class Report(string command, Peer[] peers, Measurements measurements, IReadOnlyList<string> notes)
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = false, NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals };
    private readonly string _date = TimeProvider.System.GetUtcNow().ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    /// <summary>Writes <c>NAME.md</c> and <c>NAME.json</c>.</summary>
    public void Write(string folder, string name)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, $"{name}.md"), Markdown());
        var lines = measurements.All.Select(measurement => JsonSerializer.Serialize(measurement, Json));
        string head = JsonSerializer.Serialize(
            new { date = _date, command, machine = Machine(), versions = peers.Where(peer => peer.Start is not null).ToDictionary(peer => peer.Name, peer => peer.Version) }, Json);
        // A measurement a line, so that two runs can be compared line by line.
        File.WriteAllText(Path.Combine(folder, $"{name}.json"), $"{head[..^1]},\"measurements\":[\n{string.Join(",\n", lines)}\n]}}\n");
    }

    public string Markdown()
    {
        var text = new StringBuilder();
        text.AppendLine("# Side by side").AppendLine();
        text.AppendLine(CultureInfo.InvariantCulture, $"`{command}`, {_date}, {Machine()}. Peers: {string.Join(", ", peers.Where(peer => peer.Start is not null).Select(peer => $"{peer.Name} {peer.Version}"))}.");
        text.AppendLine("Backend and client (nginx; wrk, h2load, and for fixed rates a client of our own) share the machine. Rounds are interleaved, and each begins with new processes, bare YARP's and TimingProxy's of new copies of their files: each figure is the median, with lowest and highest in brackets.");
        text.AppendLine("Ratios are formed within each round. CPU is that of all the proxy's threads by the scheduler's books, a request.").AppendLine();
        foreach (string note in notes)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"Left out: {note}.").AppendLine();
        }

        foreach (string scenario in measurements.All.Select(measurement => measurement.Scenario).Distinct())
        {
            Section(text, scenario);
        }

        return text.ToString();
    }

    private void Section(StringBuilder text, string scenario)
    {
        string[] figures = [.. measurements.All.Where(m => m.Scenario == scenario).SelectMany(m => m.Figures.Keys).Distinct()];
        bool compared = figures.Contains("cpu_us") && Has(scenario, Peer.Nginx);
        bool hasBefore = compared && Has(scenario, Peer.Before);
        bool isRate = figures.Contains("p99.9_us");
        bool isScrape = scenario is ScrapeCostRun.With or ScrapeCostRun.Without;
        text.AppendLine(CultureInfo.InvariantCulture, $"## {char.ToUpperInvariant(scenario[0])}{scenario[1..]}").AppendLine();
        string[] columns =
        [
            .. figures.Select(Heading),
            .. compared ? new[] { "CPU against nginx", "CPU against bare YARP" } : [],
            .. hasBefore ? new[] { $"CPU against {Peer.Before}" } : [],
            .. isRate ? new[] { "p50 added, µs", "p99 added, µs", "p99 added against HAProxy" } : [],
        ];
        text.AppendLine(CultureInfo.InvariantCulture, $"| | {string.Join(" | ", columns)} |");
        text.AppendLine(CultureInfo.InvariantCulture, $"|---|{string.Concat(Enumerable.Repeat("---:|", columns.Length))}");
        foreach (var peer in peers.Where(peer => Has(scenario, peer.Name)))
        {
            string[] cells =
            [
                .. figures.Select(figure => Show(measurements.Of(scenario, peer.Name, figure))),
                .. compared ? new[] { Against(Peer.Nginx), Against(Peer.BareYarp) } : [],
                .. hasBefore ? new[] { Against(Peer.Before) } : [],
                .. isRate ? new[] { Added("p50_us"), Added("p99_us"), AddedAgainst(scenario, peer.Name) } : [],
            ];
            text.AppendLine(CultureInfo.InvariantCulture, $"| {peer.Name} | {string.Join(" | ", cells)} |");

            string Against(string other) => peer.Name == Peer.Direct ? "" : Show(measurements.Ratio(scenario, peer.Name, other, "cpu_us"));
            string Added(string figure) => peer.Name == Peer.Direct ? "" : Show(measurements.Added(scenario, peer.Name, Peer.Direct, figure));
        }

        text.AppendLine();
    }

    /// <summary>The p99 that a peer adds, by that which HAProxy adds: of the medians, since single rounds may add nothing.</summary>
    private string AddedAgainst(string scenario, string peer)
    {
        var own = measurements.Added(scenario, peer, Peer.Direct, "p99_us");
        var other = measurements.Added(scenario, Peer.HAProxy, Peer.Direct, "p99_us");
        return peer == Peer.Direct || own is null || other is null ? "" : Number(own.Value.Median / other.Value.Median);
    }

    private bool Has(string scenario, string peer) => measurements.All.Any(m => m.Scenario == scenario && m.Peer == peer);

    private static string Heading(string figure) => figure switch
    {
        "cpu_us" => "CPU, µs",
        "per_second" => "requests a second",
        "mb_per_second" => "MB a second",
        "resident_mb" => "resident, MB",
        "first_answer_ms" => "exec to first answer, ms",
        "bytes" => "bytes a request",
        "cpu_share_percent" => "CPU, % of a core",
        "scrape_cpu_ms" => "CPU a scrape, ms",
        "scrape_mb" => "MB a scrape",
        _ => figure.Replace('_', ' ').Replace(" us", ", µs", StringComparison.Ordinal).Replace(" ms", ", ms", StringComparison.Ordinal),
    };

    private static string Show(Spread? spread) => spread is not { } s ? ""
        : s.Low == s.High ? Number(s.Median) : $"{Number(s.Median)} ({Number(s.Low)}–{Number(s.High)})";

    private static string Number(double value) => Math.Abs(value) switch
    {
        >= 100 => value.ToString("#,0", CultureInfo.InvariantCulture),
        >= 10 => value.ToString("0.0", CultureInfo.InvariantCulture),
        >= 1 => value.ToString("0.00", CultureInfo.InvariantCulture),
        _ => value.ToString("0.000", CultureInfo.InvariantCulture),
    };

    private static string Machine()
    {
        string model = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim() ?? "";
        return $"{Environment.ProcessorCount} × {model}, {RuntimeInformation.OSDescription}";
    }

    /// <summary>The few figures of a run that <see cref="Write"/> has written.</summary>
    public static Summary SummaryOf(string file)
    {
        using var run = JsonDocument.Parse(File.ReadAllText(file));
        var measurements = run.RootElement.GetProperty("measurements").Deserialize<Measurement[]>(Json)!;
        return new Summary(new Measurements(measurements), $"{run.RootElement.GetProperty("date").GetString()}, {run.RootElement.GetProperty("machine").GetString()}");
    }
}
