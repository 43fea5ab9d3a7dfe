using System.Diagnostics;
using System.Globalization;
using TimingProxy.Benchmarks.Load;
using TimingProxy.Benchmarks.Processes;
using TimingProxy.Benchmarks.Reporting;
using TimingProxy.Benchmarks.SideBySide;

namespace TimingProxy.Benchmarks.Profile;

/// <summary>
/// What the CPU of a native process is spent on under small answers on 32 connections, in percent: samples of its stacks, each given to the
/// first frame from the top that belongs to somebody. What the runtime does for somebody is his.
/// </summary>
internal sealed class CpuShares(Programs programs, Plan plan, Action<string> say)
{
    public const string Scenario = "what the CPU is spent on, %";

    private const string Other = "other";

    // By how a symbol begins; in the kernel, by the system call that is on the stack.
    private static readonly (string Prefix, string Owner)[] Owners =
    [
        ("timingproxy_TimingProxy_", "TimingProxy"),
        ("Yarp_", "YARP"),
        ("OpenTelemetry", "metrics SDK"),
        ("System_Diagnostics_DiagnosticSource_System_Diagnostics_Metrics", "metrics SDK"),
        ("System_Net_Http", "HttpClient"),
        ("System_Net_Sockets", "sockets"),
        ("Microsoft_AspNetCore_Server_Kestrel", "Kestrel"),
        ("System_IO_Pipelines", "Kestrel"),
        ("Microsoft_AspNetCore_", "routing, hosting, features"),
        ("S_P_Uri_", "URI"),
        ("WKS::", "allocation and collection"),
        ("RhpNew", "allocation and collection"),
        ("__vdso_clock_gettime", "reading the clock"),
    ];

    private static readonly (string Part, string Owner)[] Calls =
    [
        ("sendto", "kernel: send"),
        ("sendmsg", "kernel: send"),
        ("recvfrom", "kernel: receive"),
        ("recvmsg", "kernel: receive"),
        ("epoll_wait", "kernel: wait"),
        ("futex", "kernel: other"),
    ];

    public IReadOnlyList<Measurement> Run(IReadOnlyDictionary<Peer, RunningProcess> running) =>
    [
        .. running.Where(pair => pair.Key.Name is Peer.BareYarp or Peer.TimingProxy)
            .Select(pair => new Measurement(Scenario, pair.Key.Name, 0, Measure(pair.Key, pair.Value))),
    ];

    private Dictionary<string, double> Measure(Peer peer, RunningProcess process)
    {
        say($"profile of {peer.Name}");
        string data = programs.PathOf("perf.data");
        double seconds = Math.Max(2, plan.Seconds);
        using var perf = RunningProcess.Start(
            Programs.Find("perf")!, "record", "-q", "-e", "cpu-clock", "-F", "4999", "-g", "-o", data, "-p", process.Id.ToString(CultureInfo.InvariantCulture));
        LoadTools.Wrk($"http://127.0.0.1:{peer.Ports.Plain}/", 32, seconds);
        perf.Interrupt();
        var counts = new Dictionary<string, double>();
        double all = 0;
        foreach (var stack in Stacks(data))
        {
            string owner = OwnerOf(stack);
            counts[owner] = counts.GetValueOrDefault(owner) + 1;
            all++;
        }

        if (all == 0)
        {
            throw new InvalidOperationException($"perf has seen nothing of {peer.Name}: {perf.LastError}");
        }

        return counts.OrderByDescending(pair => pair.Value).ToDictionary(pair => pair.Key, pair => pair.Value / all * 100);
    }

    /// <summary>Top first.</summary>
    private static IEnumerable<List<(string Symbol, bool IsKernel)>> Stacks(string data)
    {
        using var script = Process.Start(new ProcessStartInfo(Programs.Find("perf")!, ["script", "-i", data, "-F", "comm,ip,sym,dso", "--no-inline"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        script.ErrorDataReceived += static (_, _) => { };
        script.BeginErrorReadLine();
        var stack = new List<(string, bool)>();
        while (script.StandardOutput.ReadLine() is { } line)
        {
            // A name, then "address symbol (object)" for each frame, then nothing.
            string[] parts = line.Split(' ', 2, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            if (line.StartsWith('\t') && parts.Length == 2)
            {
                int file = parts[1].LastIndexOf('(');
                stack.Add((parts[1][..Math.Max(0, file)].Trim(), file >= 0 && parts[1].AsSpan(file).Contains("kernel", StringComparison.Ordinal)));
            }
            else if (stack.Count != 0)
            {
                yield return stack;
                stack = [];
            }
        }

        if (stack.Count != 0)
        {
            yield return stack;
        }
    }

    private static string OwnerOf(List<(string Symbol, bool IsKernel)> stack)
    {
        if (stack[0].IsKernel)
        {
            return stack.Where(frame => frame.IsKernel)
                .Select(frame => Calls.FirstOrDefault(call => frame.Symbol.Contains(call.Part, StringComparison.Ordinal)).Owner)
                .FirstOrDefault(owner => owner is not null) ?? "kernel: other";
        }

        return stack.Select(frame => Owners.FirstOrDefault(known => frame.Symbol.StartsWith(known.Prefix, StringComparison.Ordinal)).Owner)
            .FirstOrDefault(owner => owner is not null) ?? Other;
    }
}
