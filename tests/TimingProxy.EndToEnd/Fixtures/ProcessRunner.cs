using System.Diagnostics;
using System.Runtime.InteropServices;

namespace TimingProxy.EndToEnd.Fixtures;

/// <summary>
/// A process of ours: its output is captured line by line, it is stopped by its own id, and it does not outlive the
/// test run.
/// </summary>
public sealed partial class ProcessRunner : IAsyncDisposable
{
    private const int Sigterm = 15;
    private const int Sigint = 2;
    private const int Sighup = 1;
    private const int Sigkill = 9;
    private const int Sigcont = 18;
    private const int Sigstop = 19;
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(30);

    /// <summary>Of a command that works to its end: some of them fetch packages.</summary>
    private static readonly TimeSpan WorkLimit = TimeSpan.FromMinutes(3);

    private static readonly HashSet<ProcessRunner> Running = [];

    private readonly Process _process;
    private readonly Lock _lock = new();
    private readonly List<string> _output = [];
    private readonly List<string> _errors = [];

    static ProcessRunner() => AppDomain.CurrentDomain.ProcessExit += (_, _) =>
    {
        lock (Running)
        {
            foreach (var runner in Running)
            {
                runner._process.Kill(entireProcessTree: true);
            }
        }
    };

    private ProcessRunner(Process process, string name)
    {
        _process = process;
        Name = name;
        process.OutputDataReceived += (_, e) => Keep(_output, e.Data);
        process.ErrorDataReceived += (_, e) => Keep(_errors, e.Data);
    }

    public string Name { get; }

    /// <summary>The process id: also the started program's own where a wrapper replaces itself by it.</summary>
    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>What was written to standard output so far.</summary>
    public string Output => Text(_output);

    /// <summary>What was written to standard error so far.</summary>
    public string Errors => Text(_errors);

    /// <summary>Both streams, for the message of a failed test.</summary>
    public string Story => $"{Name} wrote to stdout:\n{Output}\nand to stderr:\n{Errors}";

    /// <param name="environment">Added to the test's own environment; a null value removes the variable.</param>
    public static ProcessRunner Start(
        string executable,
        IEnumerable<string> arguments,
        IReadOnlyDictionary<string, string?>? environment = null,
        string? workingDirectory = null)
    {
        // A shell starts its background jobs with SIGINT ignored, and what is ignored is inherited: set it back, or no test that
        // sends one could work in a job of that kind.
        var start = new ProcessStartInfo("/usr/bin/env", ["--default-signal=INT,QUIT", executable, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            UseShellExecute = false,
            WorkingDirectory = workingDirectory ?? Path.GetTempPath(),
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string?>())
        {
            start.Environment[name] = value;
        }

        var runner = new ProcessRunner(new Process { StartInfo = start }, Path.GetFileName(executable));
        runner._process.Start();
        lock (Running)
        {
            Running.Add(runner);
        }

        runner._process.StandardInput.Close();
        runner._process.BeginOutputReadLine();
        runner._process.BeginErrorReadLine();
        return runner;
    }

    /// <summary>Runs a command to its end.</summary>
    public static async Task<(int ExitCode, string Output, string Errors)> RunAsync(
        string executable,
        IEnumerable<string> arguments,
        CancellationToken cancellationToken,
        IReadOnlyDictionary<string, string?>? environment = null,
        string? workingDirectory = null)
    {
        await using var runner = Start(executable, arguments, environment, workingDirectory);
        var exitCode = await runner.WaitForExitAsync(WorkLimit, cancellationToken);
        return (exitCode, runner.Output, runner.Errors);
    }

    /// <summary>Waits until a probe succeeds; fails at once, with the process's output, if it has died meanwhile.</summary>
    public Task WaitUntilReadyAsync(Func<Task<bool>> probe, CancellationToken cancellationToken) =>
        Until.TrueAsync(
            async () => !HasExited ? await probe() : throw new InvalidOperationException($"{Name} exited with {_process.ExitCode} before it was ready. {Story}"),
            () => $"{Name} was not ready in time. {Story}",
            cancellationToken);

    public Task WaitForLineAsync(string part, CancellationToken cancellationToken, TimeSpan? limit = null) =>
        Until.TrueAsync(
            () => Task.FromResult(Output.Contains(part, StringComparison.Ordinal) || Errors.Contains(part, StringComparison.Ordinal)),
            () => $"{Name} did not write '{part}'. {Story}",
            cancellationToken,
            limit);

    /// <summary>Waits for the end of a process that has been told to end.</summary>
    public Task<int> WaitForExitAsync(CancellationToken cancellationToken) => WaitForExitAsync(StopLimit, cancellationToken);

    private async Task<int> WaitForExitAsync(TimeSpan most, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(most);
        try
        {
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            Assert.Fail($"{Name} was still running after {most.TotalSeconds} s. {Story}");
        }

        return _process.ExitCode;
    }

    public void SendSigterm() => Send(Sigterm);

    public void SendSigint() => Send(Sigint);

    public void SendSighup() => Send(Sighup);

    public void SendSigkill() => Send(Sigkill);

    /// <summary>Lets the process run no further, and waits until none of its threads does.</summary>
    public async Task PauseAsync(CancellationToken cancellationToken)
    {
        Send(Sigstop);
        await Until.TrueAsync(
            () => Task.FromResult(Directory.GetDirectories($"/proc/{Id}/task").All(thread => File.ReadAllText($"{thread}/stat").Split(')')[^1].TrimStart()[0] == 'T')),
            () => $"{Name} was not stopped.",
            cancellationToken);
    }

    /// <summary>Lets a process run on that was paused.</summary>
    public void Resume() => Send(Sigcont);

    public async ValueTask DisposeAsync()
    {
        if (!HasExited)
        {
            Send(Sigterm);
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
            try
            {
                await _process.WaitForExitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                _process.Kill(entireProcessTree: true);
                await _process.WaitForExitAsync(CancellationToken.None);
            }
        }

        lock (Running)
        {
            Running.Remove(this);
        }

        _process.Dispose();
    }

    private void Send(int signal)
    {
        if (!HasExited)
        {
            _ = Kill(_process.Id, signal);
        }
    }

    private void Keep(List<string> lines, string? line)
    {
        if (line is not null)
        {
            lock (_lock)
            {
                lines.Add(line);
            }
        }
    }

    private string Text(List<string> lines)
    {
        lock (_lock)
        {
            return string.Join('\n', lines);
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int processId, int signal);
}
