using System.Net.Sockets;

namespace TimingProxy.Health;

/// <summary>
/// Whether an upstream accepts connections. Asked at each readiness probe, looked at once a second at most, so that no number of probes
/// becomes a load on the app.
/// </summary>
/// <param name="addresses">Where upstreams listen now: <c>http(s)://host:port</c>, or <c>unix:/path</c>.</param>
internal sealed class UpstreamProbe(Func<IReadOnlyList<string>> addresses, TimeProvider time)
{
    internal static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);

    // Below the second that kubelet's own probes wait for by default.
    internal static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(800);

    private readonly Lock _asking = new();
    private Task<bool>? _answer;
    private long _askedAt;

    public Task<bool> AcceptsAsync()
    {
        lock (_asking)
        {
            // One that is still under way is waited for, however long ago it began.
            if (_answer is null || (_answer.IsCompleted && time.GetElapsedTime(_askedAt) >= Fresh))
            {
                _askedAt = time.GetTimestamp();
                _answer = AnyAcceptsAsync(addresses());
            }

            return _answer;
        }
    }

    private async Task<bool> AnyAcceptsAsync(IReadOnlyList<string> addresses)
    {
        using var patience = new CancellationTokenSource(Patience, time);
        // Among several, one that hangs must not hold back the one that answers.
        await foreach (var answer in Task.WhenEach(addresses.Select(address => AcceptsAsync(address, patience.Token))))
        {
            if (await answer)
            {
                await patience.CancelAsync();
                return true;
            }
        }

        return false;
    }

    private static async Task<bool> AcceptsAsync(string address, CancellationToken cancellationToken)
    {
        const string Unix = "unix:";
        try
        {
            if (address.StartsWith(Unix, StringComparison.OrdinalIgnoreCase))
            {
                using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(address[Unix.Length..]), cancellationToken);
            }
            else
            {
                var uri = new Uri(address);
                using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(uri.IdnHost, uri.Port, cancellationToken);
            }

            return true;
        }
        catch (Exception error) when (error is SocketException or OperationCanceledException)
        {
            return false;
        }
    }
}
