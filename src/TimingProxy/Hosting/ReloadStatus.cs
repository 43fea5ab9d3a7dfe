namespace TimingProxy.Hosting;

/// <summary>Whether the last change of the configuration was taken, and when one last was. Safe to read from any thread.</summary>
internal sealed class ReloadStatus(TimeProvider time)
{
    private long _lastSuccess = time.GetUtcNow().ToUnixTimeMilliseconds();
    private volatile bool _lastSuccessful = true;

    public bool LastSuccessful => _lastSuccessful;

    public DateTimeOffset LastSuccess => DateTimeOffset.FromUnixTimeMilliseconds(Volatile.Read(ref _lastSuccess));

    public void Succeeded()
    {
        Volatile.Write(ref _lastSuccess, time.GetUtcNow().ToUnixTimeMilliseconds());
        _lastSuccessful = true;
    }

    public void Failed() => _lastSuccessful = false;
}
