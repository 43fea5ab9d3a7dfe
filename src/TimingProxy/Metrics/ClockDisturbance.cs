using System.Diagnostics.Metrics;
using System.Globalization;

namespace TimingProxy.Metrics;

/// <summary>
/// Time in which a request's clock may have been read late, through no doing of the upstream's: pauses of the garbage collector, CPU
/// taken away by the container's quota, and threads that were ready to run and had to wait for a CPU. Cumulative seconds; a source that the
/// system does not have is left out.
/// </summary>
/// <param name="threads">The folder with one folder a thread; the system's own but in tests.</param>
internal sealed class ClockDisturbance(string threads = "/proc/self/task")
{
    private readonly string? _cpuStatFile = FindCpuStat();
    private readonly Lock _reading = new();
    private readonly Dictionary<string, long> _runDelays = [];
    private double? _throttled;
    private double _starved;

    public IEnumerable<Measurement<double>> Read()
    {
        yield return Of("gc", GC.GetTotalPauseDuration().TotalSeconds);
        if (ThrottledSeconds() is { } throttled)
        {
            yield return Of("throttled", throttled);
        }

        if (StarvedSeconds() is { } starved)
        {
            yield return Of("starved", starved);
        }
    }

    private static Measurement<double> Of(string cause, double seconds) => new(seconds, KeyValuePair.Create("cause", (object?)cause));

    /// <summary>As it was last known, where it cannot be read: no descriptor is left, or the process was moved to another group.</summary>
    private double? ThrottledSeconds()
    {
        try
        {
            _throttled = ReadThrottledSeconds() ?? _throttled;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
        }

        return _throttled;
    }

    /// <summary>Version 2 of control groups counts microseconds, version 1 nanoseconds.</summary>
    private double? ReadThrottledSeconds()
    {
        if (_cpuStatFile is null)
        {
            return null;
        }

        foreach (string line in File.ReadLines(_cpuStatFile))
        {
            string[] parts = line.Split(' ');
            if (parts is ["throttled_usec", var microseconds])
            {
                return long.Parse(microseconds, CultureInfo.InvariantCulture) / 1e6;
            }

            if (parts is ["throttled_time", var nanoseconds])
            {
                return long.Parse(nanoseconds, CultureInfo.InvariantCulture) / 1e9;
            }
        }

        return null;
    }

    /// <summary>
    /// The own control group's, where the process sees the whole tree, else the one at the root, which in a container is its own.
    /// Null where there is none.
    /// </summary>
    private static string? FindCpuStat()
    {
        const string Groups = "/proc/self/cgroup";
        const string Root = "/sys/fs/cgroup";
        var candidates = new List<string>();
        if (File.Exists(Groups))
        {
            foreach (string line in File.ReadLines(Groups))
            {
                // 0::/path in version 2, number:controllers:/path in version 1.
                if (line.Split(':', 3) is [_, var controllers, var path] && (controllers.Length == 0 || controllers.Split(',').Contains("cpu")))
                {
                    candidates.Add($"{Root}/{controllers}{path}/cpu.stat");
                }
            }
        }

        return candidates.Append($"{Root}/cpu.stat").Append($"{Root}/cpu/cpu.stat").FirstOrDefault(File.Exists);
    }

    /// <summary>
    /// What all threads have waited for a CPU: the growth of each since the last look, so that threads that end take nothing along but what
    /// they waited since.
    /// </summary>
    private double? StarvedSeconds()
    {
        lock (_reading)
        {
            if (ReadRunDelays() is not { Count: > 0 } fresh)
            {
                return _starved > 0 ? _starved : null;
            }

            foreach (var (thread, nanoseconds) in fresh)
            {
                long before = _runDelays.GetValueOrDefault(thread);
                // Less than before is another thread, of the same number.
                _starved += (nanoseconds >= before ? nanoseconds - before : nanoseconds) / 1e9;
            }

            _runDelays.Clear();
            foreach (var (thread, nanoseconds) in fresh)
            {
                _runDelays[thread] = nanoseconds;
            }

            return _starved;
        }
    }

    /// <summary>By thread; one that is there and cannot be read has what was last known, or the next look would count its whole life again.</summary>
    private Dictionary<string, long>? ReadRunDelays()
    {
        var delays = new Dictionary<string, long>(StringComparer.Ordinal);
        string[] listed;
        try
        {
            listed = Directory.GetDirectories(threads);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }

        foreach (string thread in listed)
        {
            if (ReadRunDelay(thread) is { } waited || _runDelays.TryGetValue(thread, out waited))
            {
                delays[thread] = waited;
            }
        }

        return delays;
    }

    private static long? ReadRunDelay(string thread)
    {
        try
        {
            // Time on a CPU, time waiting for one (both in nanoseconds), times it got one.
            string[] figures = File.ReadAllText(Path.Combine(thread, "schedstat")).Split(' ');
            return figures.Length == 3 && long.TryParse(figures[1], NumberStyles.None, CultureInfo.InvariantCulture, out long waited) ? waited : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // It ended while it was looked at, no descriptor is left, or this kernel keeps no such figures.
            return null;
        }
    }
}
