using System.Globalization;
using TimingProxy.Benchmarks.Load;
using TimingProxy.Benchmarks.Processes;
using TimingProxy.Benchmarks.Reporting;

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
        const int PerSecond = 4000;
        double Allocated() => peer.Name == Peer.BareYarp
            ? double.Parse(process.Ask("")!, CultureInfo.InvariantCulture)
            : Scrape(peer.AdminPort, "dotnet_gc_heap_total_allocated_bytes_total");
        Load(PerSecond);
        double before = Allocated();
        Load(Requests);
        // What the question itself costs is in it: too little to see among so many requests.
        return (Allocated() - before) / Requests;

        // For longer than an answer of /metrics is kept, so that each question gets a new one.
        void Load(int requests) => new RateClient(peer.Ports.Plain, 8).Run(
            static _ => "/", PerSecond, TimeSpan.Zero, TimeSpan.FromSeconds(requests / (double)PerSecond));
    }

    private static double Scrape(int port, string metric)
    {
        using var client = new HttpClient();
        string text = client.GetStringAsync(new Uri($"http://127.0.0.1:{port}/metrics")).GetAwaiter().GetResult();
        string line = text.Split('\n').First(line => line.StartsWith(metric, StringComparison.Ordinal));
        return double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture);
    }
}
