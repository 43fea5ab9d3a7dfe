using Microsoft.Extensions.ObjectPool;
using TimingProxy.Timing;

namespace TimingProxy.Proxy;

/// <summary>
/// Cancels a request whose upstream time passes a limit. Time in which the client's upload or the queue is waited for does not count,
/// so the timer, when it fires, looks at the clock and may give another term.
/// </summary>
/// <remarks>
/// Used for one request after another. The timer is not touched where it will fire early enough anyway: for whichever request is watched
/// when it does, it is set anew. So a request costs no timer, no cancellation source and no allocation.
/// </remarks>
internal sealed class UpstreamDeadline(RequestClock clock) : IDisposable
{
    // While the client is the one who is waited for, the rest of the limit may be tiny: look again no sooner than this.
    private static readonly TimeSpan ShortestTerm = TimeSpan.FromMilliseconds(50);

    private readonly Lock _changing = new();
    private readonly CancellationTokenSource _cancellation = new();
    private ITimer? _timer;
    private RequestTiming? _watched;
    private long _limit;
    private long _due = long.MaxValue;
    private bool _isSpent;

    public CancellationToken Token => _cancellation.Token;

    /// <summary>Keeps deadlines for further requests, at most <paramref name="most"/>; for the others no timer is left behind.</summary>
    // The provider's pools dispose what they do not keep; a DefaultObjectPool only forgets it.
    public static ObjectPool<UpstreamDeadline> Pool(RequestClock clock, int most) =>
        new DefaultObjectPoolProvider { MaximumRetained = most }.Create(new Policy(clock));

    /// <summary>Watches a request that has just been sent, until <see cref="Stop"/>.</summary>
    public void Start(RequestTiming timing, TimeSpan limit)
    {
        lock (_changing)
        {
            _watched = timing;
            _limit = clock.FromTimeSpan(limit);
            if (_due > timing.Started + _limit)
            {
                Look(limit);
            }
        }
    }

    /// <summary>Ends the watch. A request that was in time is not cancelled any more.</summary>
    /// <returns>Whether it was; where it was not, <see cref="Token"/> is cancelled, or will be in a moment.</returns>
    public bool Stop()
    {
        lock (_changing)
        {
            _watched = null;
            return !_isSpent;
        }
    }

    /// <summary>Whether another request may be watched: not where this one was cancelled.</summary>
    public bool TryReset()
    {
        lock (_changing)
        {
            return !_isSpent && _cancellation.TryReset();
        }
    }

    public void Dispose()
    {
        _timer?.Dispose();
        _cancellation.Dispose();
    }

    private void OnTerm()
    {
        lock (_changing)
        {
            _due = long.MaxValue;
            if (_watched is null)
            {
                return;
            }

            long rest = _limit - _watched.UpstreamTicksUntil(clock.Now);
            if (rest > 0)
            {
                var term = TimeSpan.FromMilliseconds(clock.ToMilliseconds(rest));
                Look(term > ShortestTerm ? term : ShortestTerm);
                return;
            }

            _isSpent = true;
        }

        try
        {
            _cancellation.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The request was over while the timer fired.
        }
    }

    private void Look(TimeSpan term)
    {
        _due = clock.Now + clock.FromTimeSpan(term);
        _timer ??= clock.TimeProvider.CreateTimer(
            static state => ((UpstreamDeadline)state!).OnTerm(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _timer.Change(term, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Makes deadlines, and takes those back that may be used again.</summary>
    private sealed class Policy(RequestClock clock) : IPooledObjectPolicy<UpstreamDeadline>
    {
        public UpstreamDeadline Create() => new(clock);

        public bool Return(UpstreamDeadline deadline) => deadline.TryReset();
    }
}
