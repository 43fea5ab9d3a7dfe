using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using TimingProxy.Settings;

namespace TimingProxy.Hosting;

/// <summary>
/// Listeners that stop accepting before the file descriptors run out, and go on when there are some again. Left to itself
/// the transport tries again at once and for ever, on the very thread that would have to close connections for it to succeed.
/// </summary>
internal sealed class ReservingListeners(
    PatientListeners inner,
    ILoggerFactory loggers,
    BoundAddresses bound,
    TimeProvider time) : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    public bool CanBind(EndPoint endpoint) => inner.CanBind(endpoint);

    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        int end = bound.IsAdmin(endpoint) ? Descriptors.EndForAdmin : Descriptors.EndForClients;
        var listener = await inner.BindAsync(endpoint, cancellationToken);
        return new ReservingListener(listener, end, time, loggers.CreateLogger<ReservingListener>());
    }
}

/// <param name="end">No descriptor from this one on is for this listener's connections.</param>
internal sealed partial class ReservingListener(IConnectionListener inner, int end, TimeProvider time, ILogger<ReservingListener> logger)
    : IConnectionListener
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan SayAgain = TimeSpan.FromSeconds(10);

    private volatile bool _isUnbound;
    private bool _isFull;
    private long? _saidAt;

    public EndPoint EndPoint => inner.EndPoint;

    /// <summary>Accepts the next connection. The one that meets the end is still served; those after it wait in the system's queue.</summary>
    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        if (_isFull)
        {
            SayFull();
            await WaitForFreeAsync(cancellationToken);
            _isFull = false;
        }

        var connection = await inner.AcceptAsync(cancellationToken);
        // The lowest free number is given out: a high one says that so many are in use.
        _isFull = connection?.Features.Get<IConnectionSocketFeature>()?.Socket.Handle >= end;
        return connection;
    }

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        _isUnbound = true;
        return inner.UnbindAsync(cancellationToken);
    }

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    private async Task WaitForFreeAsync(CancellationToken cancellationToken)
    {
        while (!_isUnbound && LowestFree() >= end)
        {
            await Task.Delay(LookAgain, time, cancellationToken);
        }
    }

    private void SayFull()
    {
        if (_saidAt is null || time.GetElapsedTime(_saidAt.Value) > SayAgain)
        {
            _saidAt = time.GetTimestamp();
            LogFull(EndPoint, end, Descriptors.Limit);
        }
    }

    private static nint LowestFree()
    {
        try
        {
            using var probe = File.OpenHandle("/dev/null");
            return probe.DangerousGetHandle();
        }
        catch (IOException)
        {
            return nint.MaxValue;
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{EndPoint} accepts no more: {End} of {Limit} file descriptors are in use, and the rest is kept for upstreams and the admin port. Raise the limit (ulimit -n)")]
    private partial void LogFull(EndPoint endPoint, int end, int limit);
}
