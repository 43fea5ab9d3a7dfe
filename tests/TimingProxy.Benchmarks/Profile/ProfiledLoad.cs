using TimingProxy.Benchmarks.Load;
using TimingProxy.Benchmarks.Processes;
using TimingProxy.Benchmarks.SideBySide;

namespace TimingProxy.Benchmarks.Profile;

/// <summary>What is asked of a proxy whose native form shall be good at it: small answers first, then everything that the side-by-side benchmark asks.</summary>
internal static class ProfiledLoad
{
    private static readonly Plan Short = Plan.Smoke with { Seconds = 4, RateSeconds = 4, Connections = [1, 256], Rates = [1000] };

    public static void Small(Peer peer, double seconds) => LoadTools.Wrk($"http://127.0.0.1:{peer.Ports.Plain}/", 32, seconds);

    public static void Everything(Peer peer, RunningProcess process, Programs programs)
    {
        foreach (var scenario in Scenarios.Of(Short, programs).Append(Scenarios.WithTls(Short)))
        {
            scenario.Run(peer, process);
        }

        if (peer.AdminPort != 0)
        {
            LoadTools.Wrk($"http://127.0.0.1:{peer.AdminPort}/metrics", 1, 4);
        }
    }
}
