using TimingProxy.Settings;

namespace TimingProxy.Proxy;

/// <summary>The client of one cluster: its connection pool, and the places in it where their number is limited.</summary>
internal sealed class UpstreamClient : HttpMessageInvoker
{
    private static readonly HttpRequestOptionsKey<bool> IsProbeKey = new("TimingProxy.IsProbe");

    private readonly SemaphoreSlim? _places;
    private readonly Lock _retiring = new();
    private int _calls;
    private bool _isRetiring;

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

    /// <summary>Whether the request before this one found no connection to take; a guess at what this one will find, and cheap.</summary>
    public bool OpensConnections { get; set; }

    /// <summary>Whether no request is under way.</summary>
    public bool IsIdle => Volatile.Read(ref _calls) == 0;

    /// <summary>A request comes, which will take a connection: from here on none is retired.</summary>
    public void CallStarted()
    {
        Interlocked.Increment(ref _calls);
        if (Volatile.Read(ref _isRetiring))
        {
            // One is being retired at this moment, and could be taken yet. This is a matter of microseconds: nothing in there waits.
            lock (_retiring)
            {
            }
        }
    }

    public void CallEnded() => Interlocked.Decrement(ref _calls);

    /// <summary>Sends for a <see cref="UpstreamCall"/>, which says by itself how long it lasts, or for a health check of YARP's, which does not.</summary>
    public override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
        UpstreamConnection.IsTaking ? base.SendAsync(request, cancellationToken) : SendAsCallAsync(request, cancellationToken);

    /// <summary>Whether a request is a health check's and no client's.</summary>
    public static bool IsProbe(HttpRequestMessage request) => request.Options.TryGetValue(IsProbeKey, out bool isProbe) && isProbe;

    private async Task<HttpResponseMessage> SendAsCallAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        request.Options.Set(IsProbeKey, true);
        CallStarted();
        try
        {
            return await base.SendAsync(request, cancellationToken);
        }
        finally
        {
            CallEnded();
        }
    }

    /// <summary>Lets a connection retire if no request is under way; none begins before it has.</summary>
    /// <returns>Whether the connection has retired.</returns>
    public bool TryRetire(UpstreamConnection connection)
    {
        lock (_retiring)
        {
            // Said before the count is read, which a request raises before it looks here: one of the two sees the other.
            Volatile.Write(ref _isRetiring, true);
            Interlocked.MemoryBarrier();
            bool retires = IsIdle && connection.RetireIfIdle();
            Volatile.Write(ref _isRetiring, false);
            return retires;
        }
    }

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
