using System.Net;
using Microsoft.AspNetCore.Http;

namespace TimingProxy.Admin;

/// <summary>Tells requests that somebody on this machine has made on purpose.</summary>
internal static class LocalRequests
{
    /// <summary>
    /// The peer is on loopback or a Unix socket; the <c>Host</c> is a loopback name too, so that a name of somebody else's that resolves to
    /// 127.0.0.1 does not do; and no web page has made a browser send it, which always names its <c>Origin</c> when it posts.
    /// </summary>
    public static bool IsLocal(HttpContext context) =>
        IsLoopback(context.Connection.RemoteIpAddress) && IsLoopbackHost(context.Request.Host.Host) && context.Request.Headers.Origin.Count == 0;

    /// <summary>An address in 127.0.0.0/8, ::1, or none at all: the peer of a Unix socket has none.</summary>
    public static bool IsLoopback(IPAddress? peer) =>
        peer is null || IPAddress.IsLoopback(peer.IsIPv4MappedToIPv6 ? peer.MapToIPv4() : peer);

    public static bool IsLoopbackHost(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));
}
