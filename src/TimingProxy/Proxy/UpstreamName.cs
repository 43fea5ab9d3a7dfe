using System.Net;
using System.Net.Sockets;
using TimingProxy.Timing;

namespace TimingProxy.Proxy;

/// <summary>
/// A host and its addresses, looked up beside the requests while connections are opened: an app that closes each connection (gunicorn's sync
/// workers) would else have its name looked up for each request, one lookup after another, and be charged with that time.
/// </summary>
/// <param name="host">A name, or an address in text.</param>
/// <param name="lookUp">Gives the addresses of a name, in the order in which to try them.</param>
internal sealed class UpstreamName(string host, RequestClock clock, Func<string, Task<IPAddress[]>> lookUp)
{
    // Younger addresses are taken as they are.
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);

    // And these are taken while they are looked up again; for older ones a request waits.
    private static readonly TimeSpan Usable = TimeSpan.FromSeconds(10);

    private readonly Lock _changing = new();
    private readonly IPAddress[]? _literal = IPAddress.TryParse(host, out var address) ? [address] : null;
    private IPAddress[] _addresses = [];
    private long _lookedUpAt;
    private Task<IPAddress[]>? _lookup;

    // That a connection was opened to last. In many places "localhost" is first ::1, where no app listens.
    private AddressFamily _family;

    /// <summary>The addresses to try, first to last.</summary>
    /// <exception cref="SocketException">The name cannot be resolved.</exception>
    public ValueTask<IPAddress[]> AddressesAsync(CancellationToken cancellationToken)
    {
        if (_literal is not null)
        {
            return ValueTask.FromResult(_literal);
        }

        Task<IPAddress[]> lookup;
        lock (_changing)
        {
            long age = clock.Now - _lookedUpAt;
            if (_addresses.Length != 0 && age < clock.FromTimeSpan(Fresh))
            {
                return ValueTask.FromResult(_addresses);
            }

            lookup = LookUp();
            if (_addresses.Length != 0 && age < clock.FromTimeSpan(Usable))
            {
                return ValueTask.FromResult(_addresses);
            }
        }

        return new(lookup.WaitAsync(cancellationToken));
    }

    /// <summary>The addresses looked up anew, however old they are: those known were of no use, and the host may have moved.</summary>
    /// <exception cref="SocketException">The name cannot be resolved.</exception>
    public Task<IPAddress[]> LookUpAgainAsync(CancellationToken cancellationToken)
    {
        if (_literal is not null)
        {
            return Task.FromResult(_literal);
        }

        lock (_changing)
        {
            return LookUp().WaitAsync(cancellationToken);
        }
    }

    /// <summary>A connection to <paramref name="address"/> is open: those of its family are tried first from now on.</summary>
    public void Connected(IPAddress address)
    {
        lock (_changing)
        {
            if (address.AddressFamily != _family)
            {
                _family = address.AddressFamily;
                _addresses = InOrder(_addresses);
            }
        }
    }

    // One at a time, which is everybody's: it is not cancelled with the request that began it.
    private Task<IPAddress[]> LookUp() => _lookup is { IsCompleted: false } ? _lookup : _lookup = LookUpAsync();

    private async Task<IPAddress[]> LookUpAsync()
    {
        long begin = clock.Now;
        var found = await lookUp(host);
        lock (_changing)
        {
            _lookedUpAt = begin;
            return _addresses = found.Length != 0 ? InOrder(found) : throw new SocketException((int)SocketError.HostNotFound);
        }
    }

    private IPAddress[] InOrder(IPAddress[] addresses) => [.. addresses.OrderBy(address => address.AddressFamily != _family)];
}
