using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace TimingProxy.Benchmarks.Processes;

/// <summary>A process that was started here, and the processes it has started: what they have used, by the kernel's own books.</summary>
internal sealed class RunningProcess : IDisposable
{
    private readonly Process _process;

    // The end of it is null.
    private readonly BlockingCollection<string?> _errors = [];

    private RunningProcess(Process process, long startedAt)
    {
        _process = process;
        StartedAt = startedAt;
    }

    public static RunningProcess Start(string file, params string[] arguments)
    {
        var start = new ProcessStartInfo(file, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        long startedAt = Stopwatch.GetTimestamp();
        var process = Process.Start(start) ?? throw new InvalidOperationException($"{file} was not started.");
        var running = new RunningProcess(process, startedAt);
        process.ErrorDataReceived += (_, line) => running.Note(line.Data);
        process.BeginErrorReadLine();
        return running;
    }

    public int Id => _process.Id;

    /// <summary>A timestamp of <see cref="Stopwatch"/>.</summary>
    public long StartedAt { get; }

    /// <summary>The last line of its standard error.</summary>
    public string LastError { get; private set; } = "";

    /// <summary>Waits for the next line of its standard error, after <paramref name="act"/> has given it cause for one.</summary>
    /// <exception cref="InvalidOperationException">It ended, or said nothing in time.</exception>
    public string NextError(TimeSpan limit, Action? act = null)
    {
        act?.Invoke();
        return _errors.TryTake(out string? line, limit) && line is not null
            ? line
            : throw new InvalidOperationException($"It says nothing more: {LastError}");
    }

    public bool HasExited => _process.HasExited;

    /// <summary>Writes a line to its standard input and reads the one it answers with.</summary>
    public string? Ask(string line)
    {
        _process.StandardInput.WriteLine(line);
        return _process.StandardOutput.ReadLine();
    }

    /// <summary>CPU time of all its threads so far, in microseconds.</summary>
    public double CpuMicroseconds()
    {
        double nanoseconds = 0;
        foreach (int id in Family())
        {
            foreach (string thread in Directory.EnumerateDirectories($"/proc/{id}/task"))
            {
                // Time on a CPU, time waiting for one, times it got one.
                if (TryRead($"{thread}/schedstat") is { } figures)
                {
                    nanoseconds += long.Parse(figures.Split(' ')[0], CultureInfo.InvariantCulture);
                }
            }
        }

        return nanoseconds / 1000;
    }

    /// <summary>Resident memory, of all its processes together; pages they share are counted once for each.</summary>
    public double ResidentMegabytes() =>
        Family().Sum(id => TryRead($"/proc/{id}/statm") is { } figures
            ? long.Parse(figures.Split(' ')[1], CultureInfo.InvariantCulture) * Environment.SystemPageSize / 1e6
            : 0);

    /// <summary>Ends it and what it has started; the parent first, since it may put others in the place of its children.</summary>
    public void Dispose()
    {
        foreach (int id in Family().ToArray())
        {
            try
            {
                using var member = Process.GetProcessById(id);
                member.Kill();
                member.WaitForExit(2000);
            }
            catch (ArgumentException)
            {
                // It is gone.
            }
        }

        _process.Dispose();
    }

    /// <summary>As by Ctrl+C; what records writes down what it has.</summary>
    /// <exception cref="InvalidOperationException">It has not ended, in half a minute.</exception>
    public void Interrupt() => End("INT", TimeSpan.FromSeconds(30));

    /// <summary>Asks it to end, and waits until it has.</summary>
    /// <exception cref="InvalidOperationException">It has not, in time.</exception>
    public void Terminate(TimeSpan limit) => End("TERM", limit);

    /// <param name="name">As kill(1) has it.</param>
    public void Signal(string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    private void End(string signal, TimeSpan limit)
    {
        Signal(signal);
        if (!_process.WaitForExit(limit))
        {
            throw new InvalidOperationException($"{_process.ProcessName} does not end: {LastError}");
        }
    }

    private void Note(string? line)
    {
        LastError = line ?? LastError;
        _errors.Add(line);
    }

    private IEnumerable<int> Family()
    {
        if (_process.HasExited)
        {
            return [];
        }

        string? children = TryRead($"/proc/{_process.Id}/task/{_process.Id}/children");
        return [_process.Id, .. (children ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(id => int.Parse(id, CultureInfo.InvariantCulture))];
    }

    private static string? TryRead(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (IOException)
        {
            return null;
        }
    }
}
