namespace TimingProxy.Timing;

/// <summary>
/// The time in which a request's body was waited for, by the client's doing, while the upstream's clock ran. The pump of the body and the
/// request's own flow use it at the same time; requests without a body have none. Durations are ticks of the clock.
/// </summary>
/// <param name="started">When the request was sent; 0 where it has not been.</param>
internal sealed class UploadWait(long started)
{
    private readonly Lock _lock = new();
    private long _started = started;
    private long _ticks;
    private long _since;
    private long _until;
    private bool _isOver;

    /// <summary>All waits that are over.</summary>
    public long Ticks
    {
        get
        {
            lock (_lock)
            {
                return _ticks;
            }
        }
    }

    /// <summary>All waits, and the one in progress until <paramref name="now"/>.</summary>
    public long TicksUntil(long now)
    {
        lock (_lock)
        {
            return _ticks + (_since == 0 || _isOver ? 0 : now - _since);
        }
    }

    /// <summary>The wait in progress until <paramref name="now"/>; 0 where there is none.</summary>
    public long TicksOfThis(long now)
    {
        lock (_lock)
        {
            return _since == 0 ? 0 : now - _since;
        }
    }

    /// <summary>Whether the client was waited for later than <paramref name="point"/>, or still is.</summary>
    public bool LastsBeyond(long point)
    {
        lock (_lock)
        {
            return _since != 0 || _until > point;
        }
    }

    /// <summary>The upstream's clock starts, from the beginning if the request is sent a second time in another form.</summary>
    public void Start(long now)
    {
        lock (_lock)
        {
            _started = now;
            _isOver = false;
            _ticks = 0;
        }
    }

    /// <summary>The upstream's clock stops. An answer that comes while the client is still waited for ends the wait that counts.</summary>
    public void Stop(long now)
    {
        lock (_lock)
        {
            Add(now);
            _isOver = true;
        }
    }

    /// <summary>The pump of the body waits for the client.</summary>
    /// <param name="since">When it took the client's last bytes: the client was waited for while they were sent on, too.</param>
    public void Begin(long since)
    {
        lock (_lock)
        {
            _since = since;
        }
    }

    /// <summary>The client has sent more.</summary>
    public void End(long now)
    {
        lock (_lock)
        {
            Add(now);
            _since = 0;
            _until = now;
        }
    }

    private void Add(long now)
    {
        // After the answer nothing counts any more, and before the start nothing does yet.
        if (_since != 0 && !_isOver && _started != 0)
        {
            _ticks += Math.Max(0, now - Math.Max(_since, _started));
        }
    }
}
