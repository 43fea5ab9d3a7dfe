namespace TimingProxy.Health;

/// <summary>
/// Whether traffic should be sent here: from the moment everything is listened on until the process is told to go. Draining is a latch:
/// nothing leads back. Safe to use from any thread.
/// </summary>
internal sealed class Readiness(TimeProvider time) : IDisposable
{
    private readonly Lock _marking = new();
    private readonly CancellationTokenSource _draining = new();
    private volatile bool _isListening;
    private volatile bool _isDraining;
    private long _drainingSince;

    public bool IsListening => _isListening;

    public bool IsDraining => _isDraining;

    /// <summary>Cancelled when draining begins.</summary>
    public CancellationToken Draining => _draining.Token;

    /// <summary>How long it has been draining; zero where it is not.</summary>
    public TimeSpan DrainingFor => _isDraining ? time.GetElapsedTime(_drainingSince) : TimeSpan.Zero;

    /// <summary>Why traffic should not be sent here; null where it should.</summary>
    public string? Reason => _isDraining ? "draining" : _isListening ? null : "starting";

    public void MarkListening() => _isListening = true;

    /// <summary>Begins to drain, once and for all; later calls change nothing.</summary>
    public void MarkDraining()
    {
        lock (_marking)
        {
            if (_isDraining)
            {
                return;
            }

            _drainingSince = time.GetTimestamp();
            _isDraining = true;
        }

        _draining.Cancel();
    }

    public void Dispose() => _draining.Dispose();
}
