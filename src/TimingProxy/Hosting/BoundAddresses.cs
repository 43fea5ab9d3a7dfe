using System.Net;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace TimingProxy.Hosting;

/// <summary>The addresses that are really listened on, with the ports that port 0 became. Known once the server has started.</summary>
internal sealed class BoundAddresses(IServiceProvider services)
{
    private readonly List<ListenOptions> _admin = [];

    // The server writes the bound end point into the options it was given.
    public IReadOnlyList<string> Admin => [.. _admin.Select(listen => listen.ToString()!)];

    // The server is asked for late: it is made from the very options that fill this list.
    public IReadOnlyList<string> Traffic =>
        [.. services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Except(Admin, StringComparer.Ordinal)];

    /// <summary>Where this process itself can reach the traffic port over TCP; null before that is listened on, or where only sockets are.</summary>
    public Uri? FirstTraffic => Traffic.FirstOrDefault(address => !BindingAddress.Parse(address).IsUnixPipe) is { } tcp
        ? new Uri(tcp.Replace("[::]", "[::1]", StringComparison.Ordinal))
        : null;

    public void AddAdmin(ListenOptions listen) => _admin.Add(listen);

    /// <summary>Whether an end point that is about to be listened on is the admin port's; localhost is two addresses with one port.</summary>
    public bool IsAdmin(EndPoint endPoint) => _admin.Any(listen =>
        listen.EndPoint.Equals(endPoint) || (listen.EndPoint is IPEndPoint { Port: not 0 } admin && endPoint is IPEndPoint ip && ip.Port == admin.Port));
}
