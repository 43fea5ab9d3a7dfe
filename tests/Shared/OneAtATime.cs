using Xunit;

[assembly: AssemblyFixture(typeof(TimingProxy.BothSuites.OneAtATime))]

namespace TimingProxy.BothSuites;

/// <summary>
/// The test runner starts both suites at once. Their timed assertions need the processors for themselves, so the second one waits for the
/// first: whoever holds the file runs.
/// </summary>
public sealed class OneAtATime : IAsyncLifetime
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(200);

    private FileStream? _turn;

    public async ValueTask InitializeAsync()
    {
        string path = Path.Combine(Path.GetTempPath(), "timingproxy-tests.lock");
        while (_turn is null)
        {
            try
            {
                _turn = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                // Another process has it, and the system tells nobody when a lock of a file is free.
                await Task.Delay(LookAgain);
            }
        }
    }

    public ValueTask DisposeAsync() => _turn?.DisposeAsync() ?? ValueTask.CompletedTask;
}
