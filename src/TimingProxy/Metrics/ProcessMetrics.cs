using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;

namespace TimingProxy.Metrics;

/// <summary>The process figures that every Prometheus client library exports, under their usual names.</summary>
internal sealed class ProcessMetrics
{
    public const string MeterName = "TimingProxy.Process";

    public ProcessMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        double startTime = StartTime();
        meter.CreateObservableCounter("process.cpu", () => Environment.CpuUsage.TotalTime.TotalSeconds, "s", "User and system CPU time.");
        meter.CreateObservableGauge("process.resident_memory", () => Environment.WorkingSet, "By", "Resident memory.");
        meter.CreateObservableGauge("process.open_fds", OpenDescriptors, null, "Open file descriptors.");
        meter.CreateObservableGauge("process.max_fds", MaxDescriptors, null, "Limit of open file descriptors.");
        meter.CreateObservableGauge("process.start_time", () => startTime, "s", "Start of the process, in Unix time.");
    }

    private static double StartTime()
    {
        using var process = Process.GetCurrentProcess();
        return (process.StartTime.ToUniversalTime() - DateTime.UnixEpoch).TotalSeconds;
    }

    private static IEnumerable<Measurement<long>> OpenDescriptors()
    {
        const string Descriptors = "/proc/self/fd";
        return Directory.Exists(Descriptors) ? [new Measurement<long>(Directory.EnumerateFileSystemEntries(Descriptors).LongCount())] : [];
    }

    private static IEnumerable<Measurement<long>> MaxDescriptors()
    {
        const string Limits = "/proc/self/limits";
        string? line = File.Exists(Limits)
            ? File.ReadLines(Limits).FirstOrDefault(line => line.StartsWith("Max open files", StringComparison.Ordinal))
            : null;
        string[] words = line?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];
        return words.Length > 3 && long.TryParse(words[3], NumberStyles.None, CultureInfo.InvariantCulture, out long limit)
            ? [new Measurement<long>(limit)]
            : [];
    }
}
