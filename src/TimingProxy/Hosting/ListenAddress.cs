using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace TimingProxy.Hosting;

/// <summary>One address of <c>Listen</c> or <c>Admin:Listen</c>, as Kestrel binds it.</summary>
internal static class ListenAddress
{
    /// <summary>
    /// Binds <paramref name="text"/>: <c>http://*:8080</c> (every address, IPv4 and IPv6), <c>http://10.0.0.1:80</c>, <c>http://[::1]:80</c>,
    /// <c>http://localhost:80</c>, <c>http://unix:/path.sock</c>, and the same with https. Port 0 takes a free one.
    /// </summary>
    /// <exception cref="FormatException">The text is no such address.</exception>
    public static void Bind(KestrelServerOptions kestrel, string text, Action<ListenOptions, bool> configure)
    {
        var address = BindingAddress.Parse(text);
        bool isTls = address.Scheme.Equals(Uri.UriSchemeHttps, StringComparison.OrdinalIgnoreCase);
        void Configure(ListenOptions listen) => configure(listen, isTls);

        if (address.IsUnixPipe)
        {
            kestrel.ListenUnixSocket(address.UnixPipePath, Configure);
        }
        else if (IPAddress.TryParse(address.Host.Trim('[', ']'), out var ip))
        {
            kestrel.Listen(ip, address.Port, Configure);
        }
        else if (address.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase))
        {
            // Both loopback addresses cannot share a port that is not known yet.
            if (address.Port == 0)
            {
                kestrel.Listen(IPAddress.Loopback, 0, Configure);
            }
            else
            {
                kestrel.ListenLocalhost(address.Port, Configure);
            }
        }
        else
        {
            kestrel.ListenAnyIP(address.Port, Configure);
        }
    }
}
