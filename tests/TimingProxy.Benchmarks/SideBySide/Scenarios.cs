using TimingProxy.Benchmarks.Load;
using TimingProxy.Benchmarks.Processes;
using TimingProxy.Benchmarks.Reporting;

namespace TimingProxy.Benchmarks.SideBySide;

/// <summary>One kind of load. <see cref="Run"/> puts it on a peer and gives its figures and the number of requests.</summary>
/// <param name="Run">The running process is null where the peer is no proxy.</param>
internal sealed record Scenario(string Name, Func<Peer, RunningProcess?, (Dictionary<string, double> Figures, double Requests)> Run);

internal static class Scenarios
{
    public const string Http2 = "HTTP/2, 32 connections";
    public const string Tls = "TLS, 32 connections";
    public const string NewConnections = "new connection a request";

    public static readonly string[] Bodies = ["64 KB down", "64 KB up", "5 MB down", "5 MB up"];

    public static string Small(int connections) => connections == 1 ? "small answers, 1 connection" : $"small answers, {connections} connections";

    public static string Rate(int perSecond) => $"{perSecond} a second";

    public static IEnumerable<Scenario> Of(Plan plan, Programs programs)
    {
        foreach (int connections in plan.Connections)
        {
            yield return new Scenario(Small(connections), (peer, process) => Saturate($"http://127.0.0.1:{peer.Ports.Plain}/", connections, plan.Seconds, process));
        }

        foreach (int rate in plan.Rates)
        {
            yield return new Scenario(Rate(rate), (peer, _) => AtRate(peer, rate, plan.RateSeconds));
        }

        if (plan.WithBodies)
        {
            string upload64 = programs.Write("upload64.lua", Upload(64 * 1024));
            string upload5 = programs.Write("upload5.lua", Upload(5 * 1024 * 1024));
            yield return Body(Bodies[0], "64k", 16, 64.0 / 1024);
            yield return Body(Bodies[1], "upload", 16, 64.0 / 1024, "-s", upload64);
            yield return Body(Bodies[2], "5m", 4, 5);
            yield return Body(Bodies[3], "upload", 4, 5, "-s", upload5);
        }

        yield return new Scenario(Http2, (peer, _) => Figures(LoadTools.H2Load($"http://127.0.0.1:{peer.Ports.Http2}/", 32, plan.Seconds)));
        yield return new Scenario(
            NewConnections, (peer, process) => Saturate($"http://127.0.0.1:{peer.Ports.Plain}/", 32, plan.Seconds, process, "-H", "Connection: close"));

        Scenario Body(string name, string path, int connections, double megabytes, params string[] more) => new(name, (peer, _) =>
        {
            var load = LoadTools.Wrk($"http://127.0.0.1:{peer.Ports.Plain}/{path}", connections, plan.Seconds, null, more);
            var (figures, requests) = Figures(load);
            figures["mb_per_second"] = load.Requests * megabytes / load.Seconds;
            return (figures, requests);
        });
    }

    public static Scenario WithTls(Plan plan) =>
        new(Tls, (peer, process) => Saturate($"https://127.0.0.1:{peer.Ports.Tls}/", 32, plan.Seconds, process));

    private static (Dictionary<string, double> Figures, double Requests) Saturate(
        string address, int connections, double seconds, RunningProcess? process, params string[] more)
    {
        double resident = double.NaN;
        var load = LoadTools.Wrk(address, connections, seconds, () => resident = process?.ResidentMegabytes() ?? double.NaN, more);
        var (figures, requests) = Figures(load);
        if (double.IsFinite(resident))
        {
            figures["resident_mb"] = resident;
        }

        return (figures, requests);
    }

    private static (Dictionary<string, double> Figures, double Requests) AtRate(Peer peer, int rate, double seconds)
    {
        var samples = new RateClient(peer.Ports.Plain, 64).Run(static _ => "/", rate, TimeSpan.FromSeconds(Math.Min(1, seconds)), TimeSpan.FromSeconds(seconds));
        double[] sorted = [.. samples.Select(sample => sample.LatencyUs).Order()];
        var figures = new Dictionary<string, double>
        {
            ["p50_us"] = Spread.Quantile(sorted, 0.5),
            ["p90_us"] = Spread.Quantile(sorted, 0.9),
            ["p99_us"] = Spread.Quantile(sorted, 0.99),
            ["p99.9_us"] = Spread.Quantile(sorted, 0.999),
        };
        // With the warm-up's, which the process has served as well.
        return (figures, rate * (seconds + Math.Min(1, seconds)));
    }

    private static (Dictionary<string, double> Figures, double Requests) Figures(LoadResult load) =>
        (new Dictionary<string, double> { ["per_second"] = load.Requests / load.Seconds }, load.Requests);

    private static string Upload(int bytes) => $"wrk.method = \"POST\"\nwrk.body = string.rep(\"x\", {bytes})\n";
}
