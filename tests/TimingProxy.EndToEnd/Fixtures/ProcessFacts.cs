using System.Globalization;

namespace TimingProxy.EndToEnd.Fixtures;

/// <summary>What the kernel says of a process, which no bug of its own can colour.</summary>
/// <param name="ResidentMb">Resident memory now, in MiB.</param>
/// <param name="PeakMb">The most it was since <see cref="ForgetPeak"/>, or ever, in MiB.</param>
/// <param name="Descriptors">Open ones; a build that is not native holds one for each library that it has loaded, at any time.</param>
/// <param name="Sockets">Those of the descriptors that are sockets.</param>
public sealed record ProcessFacts(double ResidentMb, double PeakMb, int Descriptors, int Sockets, int Threads, TimeSpan Cpu)
{
    // Of Linux on every platform that .NET runs on.
    private const double ClockTicksPerSecond = 100;

    public static ProcessFacts Of(ProcessRunner process)
    {
        var folder = $"/proc/{process.Id}";
        var status = File.ReadLines($"{folder}/status").Select(line => line.Split(':', 2)).ToDictionary(f => f[0], f => f[1].Trim());
        // After the name, which may hold anything and ends with the last bracket.
        var stat = File.ReadAllText($"{folder}/stat").Split(')')[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string?[] descriptors = [.. Directory.EnumerateFileSystemEntries($"{folder}/fd").Select(file => new FileInfo(file).LinkTarget)];
        return new ProcessFacts(
            Megabytes(status["VmRSS"]),
            Megabytes(status["VmHWM"]),
            descriptors.Length,
            descriptors.Count(target => target?.StartsWith("socket:", StringComparison.Ordinal) == true),
            int.Parse(status["Threads"], CultureInfo.InvariantCulture),
            TimeSpan.FromSeconds((Number(stat[11]) + Number(stat[12])) / ClockTicksPerSecond));
    }

    /// <summary>From now on, the peak is what it is from now on (proc(5), <c>clear_refs</c>).</summary>
    public static void ForgetPeak(ProcessRunner process) => File.WriteAllText($"/proc/{process.Id}/clear_refs", "5");

    private static double Megabytes(string kilobytes) => Number(kilobytes.Split(' ')[0]) / 1024;

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
