using System.Globalization;
using TimingProxy.Benchmarks.Load;
using TimingProxy.Benchmarks.Processes;
using TimingProxy.Benchmarks.Results;

namespace TimingProxy.Benchmarks.SideBySide;

/// <summary>Bytes allocated a request once everything is warm, by the runtime's own count in the native processes.</summary>
internal static class AllocationRun
{
    public const string Scenario = "allocations";

    public static IReadOnlyList<Measurement> Run(IReadOnlyDictionary<Peer, RunningProcess> running, Action<string> say)
    {
        say(Scenario);
        return
        [
            .. running.Where(pair => pair.Key.Name is Peer.BareYarp or Peer.TimingProxy)
                .Select(pair => new Measurement(Scenario, pair.Key.Name, 0, new Dictionary<string, double> { ["bytes"] = BytesARequest(pair.Key, pair.Value) })),
        ];
    }

    private static double BytesARequest(Peer peer, RunningProcess process)
    {
        const int Requests = 20_000;
        double Allocated() => peer.Name == Peer.BareYarp
            ? double.Parse(process.Ask("")!, CultureInfo.InvariantCulture)
            : Scrape(peer.AdminPort, "dotnet_gc_heap_total_allocated_bytes_total");
        Load(1);
        // What the question itself costs, asked twice, is taken off.
        double first = Allocated();
        double before = Allocated();
        Load(Requests);
        double after = Allocated();
        return (after - before - (before - first)) / Requests;

        void Load(int requests) => new RateClient(peer.Ports.Plain, 8).Run(
            static _ => "/", 4000, TimeSpan.Zero, TimeSpan.FromSeconds(Math.Max(requests, 4000) / 4000.0));
    }

    private static double Scrape(int port, string metric)
    {
        using var client = new HttpClient();
        string text = client.GetStringAsync(new Uri($"http://127.0.0.1:{port}/metrics")).GetAwaiter().GetResult();
        // The answer of a moment ago is given again.
        Thread.Sleep(400);
        string line = text.Split('\n').First(line => line.StartsWith(metric, StringComparison.Ordinal));
        return double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture);
    }
}
