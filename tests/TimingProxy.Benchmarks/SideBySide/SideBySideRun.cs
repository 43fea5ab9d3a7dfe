using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using TimingProxy.Benchmarks.Load;
using TimingProxy.Benchmarks.Processes;
using TimingProxy.Benchmarks.Reporting;

namespace TimingProxy.Benchmarks.SideBySide;

/// <summary>Puts loads on every peer, in rounds.</summary>
internal sealed class SideBySideRun(Peer[] peers, Plan plan, Action<string> say) : IDisposable
{
    public const string Start = "start";
    public const string Idle = "idle";

    // A peer that was asked nothing for so long is idle.
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(2);

    private readonly Dictionary<Peer, RunningProcess> _running = [];
    private readonly List<Measurement> _measurements = [];

    public IReadOnlyDictionary<Peer, RunningProcess> Running => _running;

    public IReadOnlyList<Measurement> Measurements => _measurements;

    private IEnumerable<Peer> Proxies => peers.Where(peer => peer.Start is not null);

    /// <summary>Starts every peer a number of times, of which the last one stays, and looks at its memory.</summary>
    public void MeasureStarts()
    {
        say(Start);
        for (int round = 0; round < plan.Starts; round++)
        {
            foreach (var peer in Proxies)
            {
                Add(Start, peer, round, new() { ["first_answer_ms"] = Restart(peer).TotalMilliseconds });
            }
        }

        // What is measured: that nothing happens.
        Thread.Sleep(Rest);
        foreach (var (peer, process) in _running)
        {
            Add(Idle, peer, 0, new() { ["resident_mb"] = process.ResidentMegabytes(), ["binary_mb"] = new FileInfo(peer.Binary!).Length / 1e6 });
        }
    }

    /// <summary>Puts all loads on every peer, in rounds, each of which begins with new processes.</summary>
    public void Measure(IEnumerable<Scenario> scenarios)
    {
        Scenario[] all = [.. scenarios];
        for (int round = 0; round < plan.Rounds; round++)
        {
            StartAll();
            foreach (var scenario in all)
            {
                say($"{scenario.Name}, round {round + 1} of {plan.Rounds}");
                foreach (var peer in Turn(round))
                {
                    Measure(scenario, peer, round);
                }
            }
        }
    }

    /// <summary>Starts every peer, anew where it runs.</summary>
    public void StartAll()
    {
        foreach (var peer in Proxies)
        {
            Restart(peer);
        }
    }

    public void Dispose()
    {
        foreach (var process in _running.Values)
        {
            process.Dispose();
        }

        _running.Clear();
    }

    private void Measure(Scenario scenario, Peer peer, int round)
    {
        var process = _running.GetValueOrDefault(peer);
        double before = process?.CpuMicroseconds() ?? 0;
        Dictionary<string, double> figures;
        double requests;
        try
        {
            (figures, requests) = scenario.Run(peer, process);
        }
        catch (Exception error) when (error is InvalidOperationException or IOException or InvalidDataException)
        {
            // A peer that cannot do it is said to, and the others are measured all the same; ours must.
            if (peer.Name is Peer.TimingProxy or Peer.Direct)
            {
                throw;
            }

            say($"{peer.Name} cannot do {scenario.Name}: {error.Message}");
            return;
        }

        if (process is not null)
        {
            figures["cpu_us"] = (process.CpuMicroseconds() - before) / requests;
        }

        Add(scenario.Name, peer, round, figures);
    }

    /// <summary>Gives the time from its start to its first answer.</summary>
    private TimeSpan Restart(Peer peer)
    {
        if (_running.Remove(peer, out var previous))
        {
            previous.Dispose();
        }

        var process = peer.Start!();
        while (!Answers(peer.Ports.Plain))
        {
            if (process.HasExited || Stopwatch.GetElapsedTime(process.StartedAt) > TimeSpan.FromSeconds(20))
            {
                throw new InvalidOperationException($"{peer.Name} does not answer: {process.LastError}");
            }
        }

        var elapsed = Stopwatch.GetElapsedTime(process.StartedAt);
        _running[peer] = process;
        return elapsed;
    }

    private static bool Answers(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = 1000 };
        try
        {
            socket.Connect(IPAddress.Loopback, port);
            socket.Send("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"u8);
            byte[] buffer = new byte[4096];
            int count = socket.Receive(buffer);
            return Answer.Length(buffer.AsSpan(0, count)) > 0;
        }
        catch (SocketException)
        {
            // Not yet; a process that starts on the same CPU must be let to it.
            Thread.Sleep(1);
            return false;
        }
    }

    // Each round begins with another one.
    private IEnumerable<Peer> Turn(int round) => peers.Skip(round % peers.Length).Concat(peers.Take(round % peers.Length));

    private void Add(string scenario, Peer peer, int round, Dictionary<string, double> figures) =>
        _measurements.Add(new Measurement(scenario, peer.Name, round, figures));
}
