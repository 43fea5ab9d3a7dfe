using System.Diagnostics;
using System.Globalization;
using TimingProxy.Benchmarks.Load;
using TimingProxy.Benchmarks.Processes;

namespace TimingProxy.Benchmarks.Profile;

/// <summary>
/// Finds which methods of a native process run when it works, and in which order the compiler shall lay them out: first those of small
/// answers, the hottest first, then those of everything else that a proxy is asked for, then those of its start. What runs together then
/// lies together.
/// </summary>
internal sealed class MethodOrder(Programs programs, Action<string> say)
{
    private const int Starts = 30;

    private const string Header = "# Methods in the order in which the native compiler lays them out; written by tests/TimingProxy.Benchmarks -- native";

    /// <summary>Writes the order for one peer's binary.</summary>
    /// <exception cref="InvalidOperationException">perf is missing, or has not seen what could be told apart.</exception>
    public void Write(Peer peer, string file)
    {
        string[] order = [.. OfWork(peer).Concat(OfStarts(peer)).Distinct()];
        if (order.Length < 1000)
        {
            throw new InvalidOperationException($"Only {order.Length} methods of {peer.Name} were seen: are its symbols (*.dbg) beside {peer.Binary}?");
        }

        File.WriteAllLines(file, order.Prepend(Header));
        say($"{order.Length} methods written to {file}");
    }

    private IEnumerable<string> OfWork(Peer peer)
    {
        using var process = peer.Start!();
        Peers.Await(peer.Ports.Plain);
        ProfiledLoad.Small(peer, 3);

        say($"{peer.Name}: small answers");
        string[] small = Sampled(() =>
        {
            ProfiledLoad.Small(peer, 20);
            return [process.Id];
        });

        say($"{peer.Name}: everything else");
        string[] others = Sampled(() =>
        {
            ProfiledLoad.Everything(peer, process, programs);
            return [process.Id];
        });
        return small.Concat(others);
    }

    private string[] OfStarts(Peer peer)
    {
        say($"{peer.Name}: {Starts} starts");
        return Sampled(() => [.. Enumerable.Range(0, Starts).Select(_ =>
        {
            using var started = peer.Start!();
            Peers.Await(peer.Ports.Plain);
            new RateClient(peer.Ports.Plain, 1).Run(static _ => "/", 100, TimeSpan.Zero, TimeSpan.FromSeconds(0.1));
            return started.Id;
        })]);
    }

    /// <summary>Methods that the processes named by <paramref name="load"/> ran in meanwhile, hottest first.</summary>
    private string[] Sampled(Func<int[]> load)
    {
        string tool = Programs.Find("perf") ?? throw new InvalidOperationException("perf is not installed: apt-get install linux-perf");
        string data = programs.PathOf("layout.data");
        int[] ids;
        using (var perf = RunningProcess.Start(tool, "record", "-q", "-a", "-e", "cpu-clock:u", "-F", "max", "-o", data))
        {
            ids = load();
            perf.Interrupt();
        }

        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        string of = string.Join(',', ids.Select(id => id.ToString(CultureInfo.InvariantCulture)));
        using var script = Process.Start(new ProcessStartInfo(tool, ["script", "-i", data, "--pid", of, "-F", "ip,sym", "--no-inline"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        script.ErrorDataReceived += static (_, _) => { };
        script.BeginErrorReadLine();
        while (script.StandardOutput.ReadLine() is { } line)
        {
            string[] parts = line.Split(' ', 2, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            if (parts.Length == 2 && IsManaged(parts[1]))
            {
                counts[parts[1]] = counts.GetValueOrDefault(parts[1]) + 1;
            }
        }

        return [.. counts.OrderByDescending(pair => pair.Value).ThenBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => pair.Key)];
    }

    /// <summary>Of a type and a method, as the compiler joins them; the runtime's own and the system's are not its to lay out.</summary>
    private static bool IsManaged(string symbol) => symbol.IndexOf("__", StringComparison.Ordinal) > 0 && !symbol.Contains("::", StringComparison.Ordinal);
}
