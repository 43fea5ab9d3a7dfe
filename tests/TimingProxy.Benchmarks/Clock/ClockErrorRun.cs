using System.Diagnostics;
using System.Globalization;
using TimingProxy.Benchmarks.Load;
using TimingProxy.Benchmarks.Processes;
using TimingProxy.Benchmarks.Reporting;
using TimingProxy.Benchmarks.SideBySide;

namespace TimingProxy.Benchmarks.Clock;

/// <summary>
/// How far a proxy's word on upstream time is from that of the packets: TimingProxy's header, nginx's <c>$upstream_response_time</c> (from
/// its log) and HAProxy's <c>%Tr</c> (as a header), each at rest, at half of what it can do, and at all of it.
/// </summary>
internal sealed class ClockErrorRun(Peer[] peers, Plan plan, Programs programs, Action<string> say)
{
    public const int IdleRate = 50;
    public const string Idle = "clock, 50 a second";
    public const string Half = "clock, half of what it can do";
    public const string Full = "clock, all it can do";

    private const int Connections = 32;

    private static readonly string[] HaveAClock = [Peer.Nginx, Peer.HAProxy, Peer.TimingProxy];

    public IReadOnlyList<Measurement> Run()
    {
        var measurements = new List<Measurement>();
        int backend = peers.Single(peer => peer.Name == Peer.Direct).Ports.Plain;
        for (int round = 0; round < Math.Min(2, plan.Rounds); round++)
        {
            foreach (var peer in peers.Where(peer => HaveAClock.Contains(peer.Name)))
            {
                say($"clock of {peer.Name}");
                var full = Measure(peer, backend, 0, Connections);
                measurements.Add(new Measurement(Full, peer.Name, round, full));
                measurements.Add(new Measurement(Half, peer.Name, round, Measure(peer, backend, full["per_second"] / 2, Connections)));
                measurements.Add(new Measurement(Idle, peer.Name, round, Measure(peer, backend, IdleRate, 4)));
            }
        }

        return measurements;
    }

    /// <param name="perSecond">0 is as much as goes.</param>
    public Dictionary<string, double> Measure(Peer peer, int backend, double perSecond, int connections)
    {
        using var capture = PacketCapture.Start(programs, backend);
        File.WriteAllText(Configurations.NginxLog(programs), "");
        var duration = TimeSpan.FromSeconds(plan.ClockSeconds);
        var samples = new RateClient(peer.Ports.Plain, connections).Run(static id => $"/clock/{id}", perSecond, TimeSpan.FromSeconds(0.5), duration);
        var packets = capture.Stop();
        var said = peer.Name == Peer.Nginx ? ReadLog(samples.Max(sample => sample.Id)) : samples.ToDictionary(sample => sample.Id, sample => sample.RenderMs);
        double[] errors = [.. samples
            .Where(sample => packets.ContainsKey(sample.Id) && said.ContainsKey(sample.Id))
            .Select(sample => Math.Abs(said[sample.Id] - packets[sample.Id]))
            .Where(double.IsFinite)
            .Order()];
        if (errors.Length == 0)
        {
            throw new InvalidOperationException($"{peer.Name}: {samples.Length} answers, {packets.Count} seen as packets, {said.Count} with a time, and none with both.");
        }

        double[] latencies = [.. samples.Select(sample => sample.LatencyUs).Order()];
        return new Dictionary<string, double>
        {
            ["p50_us"] = Spread.Quantile(latencies, 0.5),
            ["p99_us"] = Spread.Quantile(latencies, 0.99),
            ["per_second"] = samples.Length / duration.TotalSeconds,
            ["compared"] = errors.Length,
            ["error_p50_ms"] = Spread.Quantile(errors, 0.5),
            ["error_p99_ms"] = Spread.Quantile(errors, 0.99),
            ["error_p99.9_ms"] = Spread.Quantile(errors, 0.999),
        };
    }

    /// <summary>The log, once the line of this request is in it: nginx writes what it has gathered once a second.</summary>
    private Dictionary<int, double> ReadLog(int id)
    {
        string log = Configurations.NginxLog(programs);
        using var changes = new FileSystemWatcher(Path.GetDirectoryName(log)!, Path.GetFileName(log));
        long begin = Stopwatch.GetTimestamp();
        while (true)
        {
            var times = ReadLog();
            if (times.ContainsKey(id))
            {
                return times;
            }

            if (Stopwatch.GetElapsedTime(begin) > TimeSpan.FromSeconds(10))
            {
                throw new InvalidOperationException($"nginx does not log its answer to request {id}.");
            }

            // One that came just before is not told: the next look is a second away at most.
            changes.WaitForChanged(WatcherChangeTypes.Changed, TimeSpan.FromSeconds(1));
        }
    }

    private Dictionary<int, double> ReadLog()
    {
        var times = new Dictionary<int, double>();
        foreach (string line in File.ReadLines(Configurations.NginxLog(programs)))
        {
            // /clock/NUMBER SECONDS
            string[] parts = line.Split(' ');
            if (parts.Length == 2 && double.TryParse(parts[1], CultureInfo.InvariantCulture, out double seconds))
            {
                times[int.Parse(parts[0].AsSpan("/clock/".Length), CultureInfo.InvariantCulture)] = seconds * 1000;
            }
        }

        return times;
    }
}
