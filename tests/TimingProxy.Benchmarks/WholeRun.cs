using TimingProxy.Benchmarks.Clock;
using TimingProxy.Benchmarks.Processes;
using TimingProxy.Benchmarks.Profile;
using TimingProxy.Benchmarks.Reporting;
using TimingProxy.Benchmarks.Scrape;
using TimingProxy.Benchmarks.SideBySide;

namespace TimingProxy.Benchmarks;

[Flags]
internal enum Parts
{
    SideBySide = 1,
    Allocations = 2,
    Clock = 4,
    Scrape = 8,
    Profile = 16,
    All = SideBySide | Allocations | Clock | Scrape | Profile,
}

/// <summary>The parts of a run, one after another; what cannot be measured here is noted, not failed.</summary>
internal sealed class WholeRun(Parts parts, Plan plan, Action<string> say)
{
    private readonly List<Measurement> _measurements = [];

    public IReadOnlyList<Measurement> Measurements => _measurements;

    public List<string> Notes { get; } = [];

    public Peer[] Peers { get; private set; } = [];

    public void Run()
    {
        string timingProxy = Programs.TimingProxy();
        string? bareYarp = Programs.BareYarp(mayPublish: plan != Plan.Smoke);
        if (bareYarp is null)
        {
            Notes.Add("bare YARP is not published yet");
        }

        if ((parts & (Parts.Clock | Parts.Scrape)) != 0 && Programs.Find("tcpdump") is null)
        {
            Notes.Add("tcpdump is not installed (apt-get install tcpdump): the clock is not compared with packets");
            parts &= ~(Parts.Clock | Parts.Scrape);
        }

        if (parts.HasFlag(Parts.Scrape) && Programs.Find("curl") is null)
        {
            Notes.Add("curl is not installed (apt-get install curl): no scrapes");
            parts &= ~Parts.Scrape;
        }

        if (parts.HasFlag(Parts.Profile) && Programs.Find("perf") is null)
        {
            Notes.Add("perf is not installed (apt-get install linux-perf): no profile");
            parts &= ~Parts.Profile;
        }

        using (var programs = new Programs())
        {
            Plain(programs, timingProxy, bareYarp);
        }

        if (parts.HasFlag(Parts.SideBySide))
        {
            using var programs = new Programs();
            WithTls(programs, timingProxy, bareYarp);
        }
    }

    private void Plain(Programs programs, string timingProxy, string? bareYarp)
    {
        var (backend, peers) = Processes.Peers.Start(programs, withTls: false, timingProxy, bareYarp, Notes.Add);
        using var stopped = backend;
        Peers = peers;
        Processes.Peers.Await(peers[0].Ports.Plain);
        using (var sideBySide = new SideBySideRun(peers, plan, say))
        {
            if (parts.HasFlag(Parts.SideBySide))
            {
                sideBySide.MeasureStarts();
                sideBySide.Measure(Scenarios.Of(plan, programs));
                _measurements.AddRange(sideBySide.Measurements);
            }
            else
            {
                sideBySide.StartAll();
            }

            if (parts.HasFlag(Parts.Allocations))
            {
                _measurements.AddRange(AllocationRun.Run(sideBySide.Running, say));
            }

            if (parts.HasFlag(Parts.Profile))
            {
                _measurements.AddRange(new CpuShares(programs, plan, say).Run(sideBySide.Running));
            }

            if (parts.HasFlag(Parts.Clock))
            {
                _measurements.AddRange(new ClockErrorRun(peers, plan, programs, say).Run());
            }
        }

        if (parts.HasFlag(Parts.Scrape))
        {
            var own = peers.Single(peer => peer.Name == Peer.TimingProxy);
            _measurements.AddRange(new ScrapeCostRun(own, peers[0].Ports.Plain, Programs.Find("curl")!, plan, programs, say).Run());
        }
    }

    private void WithTls(Programs programs, string timingProxy, string? bareYarp)
    {
        var (backend, peers) = Processes.Peers.Start(programs, withTls: true, timingProxy, bareYarp, static _ => { });
        using var stopped = backend;
        Processes.Peers.Await(peers[0].Ports.Plain);
        using var sideBySide = new SideBySideRun(peers, plan, say);
        sideBySide.Measure([Scenarios.WithTls(plan)]);
        _measurements.AddRange(sideBySide.Measurements);
    }
}
