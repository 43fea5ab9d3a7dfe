using System.Globalization;
using System.Text;
using TimingProxy.Benchmarks.Clock;
using TimingProxy.Benchmarks.Processes;
using TimingProxy.Benchmarks.Scrape;
using TimingProxy.Benchmarks.SideBySide;

namespace TimingProxy.Benchmarks.Reporting;

/// <summary>The few figures of a run that documents show, written between their marks: nobody types a number.</summary>
/// <param name="origin">When and on what they were measured.</param>
internal sealed class Summary(Measurements measurements, string origin)
{
    private const string Results = "tests/TimingProxy.Benchmarks/results/full.md";
    private const string Begin = "<!-- figures: written by the benchmark -->";
    private const string End = "<!-- end of figures -->";

    public void WriteInto(params string[] documents)
    {
        foreach (string document in documents)
        {
            string text = File.ReadAllText(document);
            int begin = text.IndexOf(Begin, StringComparison.Ordinal);
            int end = text.IndexOf(End, StringComparison.Ordinal);
            if (begin < 0 || end < begin)
            {
                throw new InvalidOperationException($"{document} has no place for the figures: put \"{Begin}\" and \"{End}\" where they belong.");
            }

            string results = Path.GetRelativePath(Path.GetDirectoryName(document)!, Path.Combine(Programs.Repository, Results));
            string figures = $"\nMedians of {origin}; [every load, spread and ratio]({results}).\n\n{Table()}";
            File.WriteAllText(document, string.Concat(text.AsSpan(0, begin + Begin.Length), figures, text.AsSpan(end)));
        }
    }

    public string Table()
    {
        string[] peers = [Peer.Nginx, Peer.HAProxy, Peer.Caddy, Peer.BareYarp, Peer.TimingProxy];
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"| | {string.Join(" | ", peers)} |");
        text.AppendLine("|---|---:|---:|---:|---:|---:|");
        Row("CPU a request, 60-byte answer, 32 connections, µs", Scenarios.Small(32), "cpu_us", "0.0");
        Row("the same with TLS, µs", Scenarios.Tls, "cpu_us", "0.0");
        Row("the same with HTTP/2, µs", Scenarios.Http2, "cpu_us", "0.0");
        RowOf("p50 added at 1,000 a second, µs", peer => measurements.Added(Scenarios.Rate(1000), peer, Peer.Direct, "p50_us"), "0");
        RowOf("p99 added at 1,000 a second, µs", peer => measurements.Added(Scenarios.Rate(1000), peer, Peer.Direct, "p99_us"), "0");
        Row("resident idle, MB", SideBySideRun.Idle, "resident_mb", "0.0");
        Row("resident at 1,024 busy connections, MB", Scenarios.Small(1024), "resident_mb", "0.0");
        Row("exec to first answer, ms", SideBySideRun.Start, "first_answer_ms", "0.0");
        Row("allocated a request, bytes", AllocationRun.Scenario, "bytes", "0");
        Row("CPU of a scrape of 5,000 series, ms", ScrapeCostRun.Alone, "scrape_cpu_ms", "0");
        Row("clock against packets at half load, p50, ms", ClockErrorRun.Half, "error_p50_ms", "0.000");
        Row("clock against packets at half load, p99, ms", ClockErrorRun.Half, "error_p99_ms", "0.000");
        return text.ToString();

        void Row(string name, string scenario, string figure, string format) => RowOf(name, peer => measurements.Of(scenario, peer, figure), format);

        void RowOf(string name, Func<string, Spread?> of, string format) =>
            text.AppendLine(CultureInfo.InvariantCulture, $"| {name} | {string.Join(" | ", peers.Select(peer => of(peer) is { } spread ? spread.Median.ToString(format, CultureInfo.InvariantCulture) : "–"))} |");
    }
}
