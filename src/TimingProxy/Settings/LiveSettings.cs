namespace TimingProxy.Settings;

/// <summary>
/// The settings in force. Readers take <see cref="Current"/> once and use that value throughout; a reload publishes a whole new one.
/// Subscribers of <see cref="Changed"/> run on the reloading thread, after the swap.
/// </summary>
internal sealed class LiveSettings(ProxySettings initial)
{
    private volatile ProxySettings _current = initial;

    public ProxySettings Current => _current;

    public event Action<ProxySettings>? Changed;

    public void Publish(ProxySettings next)
    {
        _current = next;
        Changed?.Invoke(next);
    }
}
