using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace TimingProxy.Hosting;

/// <summary>
/// At the end of the process Kestrel closes its idle connections together with the listeners, and a request whose bytes have arrived but
/// have not been read yet would be closed upon. So the server's own request to close reaches a connection a moment after the listeners are
/// gone: what has arrived before is read by then, and is a request under way, which is waited for.
/// </summary>
/// <remarks>What asks a single connection to close (a drain does, at each answer) is obeyed at once.</remarks>
internal static class LateClose
{
    // Bytes that are there are read within a fraction of this, also where a processor is shared by many.
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(100);

    public static Func<ConnectionDelegate, ConnectionDelegate> Middleware(TimeProvider time) => next => async connection =>
    {
        if (connection.Features.Get<IConnectionLifetimeNotificationFeature>() is not { } server)
        {
            await next(connection);
            return;
        }

        using var late = new Notification(server, time);
        connection.Features.Set<IConnectionLifetimeNotificationFeature>(late);
        await next(connection);
    };

    private sealed class Notification : IConnectionLifetimeNotificationFeature, IDisposable
    {
        private readonly IConnectionLifetimeNotificationFeature _server;
        private readonly TimeProvider _time;
        private readonly CancellationTokenSource _closing = new();
        private readonly CancellationTokenRegistration _registration;
        private ITimer? _grace;

        public Notification(IConnectionLifetimeNotificationFeature server, TimeProvider time)
        {
            (_server, _time) = (server, time);
            ConnectionClosedRequested = _closing.Token;
            _registration = server.ConnectionClosedRequested.UnsafeRegister(static state => ((Notification)state!).OnServerCloses(), this);
        }

        public CancellationToken ConnectionClosedRequested { get; set; }

        public void RequestClose()
        {
            Close();
            _server.RequestClose();
        }

        public void Dispose()
        {
            // Waits for a callback in progress, so that no timer is made behind it.
            _registration.Dispose();
            _grace?.Dispose();
        }

        private void OnServerCloses() => _grace = _time.CreateTimer(static state => ((Notification)state!).Close(), this, Grace, Timeout.InfiniteTimeSpan);

        private void Close() => _closing.Cancel();
    }
}
