using TimingProxy.Settings;

namespace TimingProxy.Proxy;

/// <summary>The client of one cluster: its connection pool, and the places in it where their number is limited.</summary>
internal sealed class UpstreamClient : HttpMessageInvoker
{
    private readonly SemaphoreSlim? _places;
    private int _calls;

    /// <param name="configure">Gives the handler its connections, which know this client.</param>
    public UpstreamClient(SocketsHttpHandler handler, UpstreamSettings settings, string? unixSocket, Action<UpstreamClient> configure)
        : base(handler, disposeHandler: true)
    {
        Settings = settings;
        UnixSocket = unixSocket;
        configure(this);
        _places = settings.MaxConnections > 0 ? new SemaphoreSlim(settings.MaxConnections) : null;
    }

    /// <summary>The settings this client was built from; another connection policy needs another client.</summary>
    public UpstreamSettings Settings { get; }

    public string? UnixSocket { get; }

    /// <summary>Whether no request is under way.</summary>
    public bool IsIdle => Volatile.Read(ref _calls) == 0;

    public void CallStarted() => Interlocked.Increment(ref _calls);

    public void CallEnded() => Interlocked.Decrement(ref _calls);

    /// <summary>Whether a place must be taken before sending, with <see cref="TryTakePlace"/> or <see cref="TakePlaceAsync"/>.</summary>
    public bool HasPlaces => _places is not null;

    public bool TryTakePlace() => _places!.Wait(0, CancellationToken.None);

    public Task TakePlaceAsync(CancellationToken cancellationToken) => _places!.WaitAsync(cancellationToken);

    public void ReturnPlace() => _places!.Release();

    /// <summary>Whether connections opened under <paramref name="other"/> would be opened just so by this client.</summary>
    public bool Serves(UpstreamSettings other, string? unixSocket) =>
        other.KeepAlive == Settings.KeepAlive
        && other.ConnectTimeout == Settings.ConnectTimeout
        && other.ConnectionLifetime == Settings.ConnectionLifetime
        && other.MaxConnections == Settings.MaxConnections
        && unixSocket == UnixSocket;
}
