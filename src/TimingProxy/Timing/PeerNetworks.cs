using System.Collections.Immutable;
using System.Net;

namespace TimingProxy.Timing;

/// <summary>Whether a peer is in a list of networks. The peer is who holds the connection, never a forwarded address.</summary>
internal static class PeerNetworks
{
    /// <summary>A peer on a Unix socket has no address and counts as <c>127.0.0.1</c>: it is on this machine.</summary>
    public static bool Contains(ImmutableArray<IPNetwork> networks, IPAddress? peer)
    {
        var address = peer switch
        {
            null => IPAddress.Loopback,
            { IsIPv4MappedToIPv6: true } => peer.MapToIPv4(),
            _ => peer,
        };

        foreach (var network in networks)
        {
            if (network.Contains(address))
            {
                return true;
            }
        }

        return false;
    }
}
