using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;

namespace TimingProxy.Settings;

/// <summary>
/// Addresses that are each right and together wrong: one that is listened on twice, and an upstream that is the proxy itself, where the first
/// request would go round until nothing is left.
/// </summary>
internal static class AddressConflicts
{
    private static readonly ProxySettings Defaults = new();

    /// <param name="listensOnSettings">False where the traffic listeners come from <c>Kestrel:Endpoints</c>.</param>
    public static IEnumerable<SettingError> Of(ProxySettings settings, bool listensOnSettings)
    {
        var listened = Listened(settings, listensOnSettings);
        for (int i = 1; i < listened.Length; i++)
        {
            var (second, first) = (listened[i], listened.Take(i).FirstOrDefault(before => TakeTheSame(before.Address, listened[i].Address)));
            if (first.Key is not null)
            {
                // What nobody has set is not what is to be changed.
                var (wrong, other) = second.IsDefault && !first.IsDefault ? (first, second) : (second, first);
                yield return new SettingError(
                    wrong.Key,
                    $"{wrong.Key} = \"{wrong.Address}\": {other.Key} = \"{other.Address}\"{(other.IsDefault ? ", its default," : "")} listens there as well; "
                        + "give each listener an address of its own");
            }
        }

        if (settings.Upstream.Address is { } upstream && OwnAddress(upstream, settings, listensOnSettings) is { } own)
        {
            const string Key = "TimingProxy:Upstream:Address";
            yield return new SettingError(Key, $"{Key} = \"{upstream}\": that is this proxy itself ({own}); name the app's address, or listen elsewhere");
        }
    }

    /// <param name="upstream">An address as <c>Upstream:Address</c> takes it.</param>
    /// <returns>The setting, with its value, by which the proxy itself listens at <paramref name="upstream"/>; null where it does not.</returns>
    public static string? OwnAddress(string upstream, ProxySettings settings, bool listensOnSettings) =>
        Listened(settings, listensOnSettings).FirstOrDefault(listen => IsSame(upstream, listen.Address)) is { Key: { } key, Address: var address }
            ? $"{key} = \"{address}\""
            : null;

    private static (string Key, string Address, bool IsDefault)[] Listened(ProxySettings settings, bool listensOnSettings) =>
    [
        .. (listensOnSettings ? settings.Listen : []).Select(address => ("TimingProxy:Listen", address, settings.Listen.SequenceEqual(Defaults.Listen))),
        .. settings.Admin.Listen.Select(address => ("TimingProxy:Admin:Listen", address, settings.Admin.Listen.SequenceEqual(Defaults.Admin.Listen))),
    ];

    private static bool TakeTheSame(string one, string two)
    {
        var (first, second) = (BindingAddress.Parse(one), BindingAddress.Parse(two));
        return first.IsUnixPipe || second.IsUnixPipe
            ? first.IsUnixPipe && second.IsUnixPipe && first.UnixPipePath == second.UnixPipePath
            // Port 0 takes a free one.
            : first.Port == second.Port && first.Port != 0
                && BoundBy(first.Host).Any(taken => BoundBy(second.Host).Any(wanted => Covers(taken, wanted) || Covers(wanted, taken)));
    }

    private static IPAddress[] BoundBy(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase) ? [IPAddress.Loopback, IPAddress.IPv6Loopback]
        : IPAddress.TryParse(host.Trim('[', ']'), out var address) ? [address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address]
        : [IPAddress.IPv6Any];

    /// <summary>Kestrel listens for IPv4 as well where it is told any address of IPv6, and the system gives out no part of what is taken.</summary>
    private static bool Covers(IPAddress any, IPAddress address) =>
        any.Equals(address) || any.Equals(IPAddress.IPv6Any) || (any.Equals(IPAddress.Any) && address.AddressFamily == AddressFamily.InterNetwork);

    private static bool IsSame(string upstream, string listened)
    {
        var binding = BindingAddress.Parse(listened);
        if (upstream.StartsWith("unix:", StringComparison.OrdinalIgnoreCase))
        {
            string path = upstream["unix:".Length..];
            return binding.IsUnixPipe && binding.UnixPipePath == (path.StartsWith("//", StringComparison.Ordinal) ? path[2..] : path);
        }

        var uri = new Uri(upstream);
        return !binding.IsUnixPipe && uri.Port == binding.Port && Reaches(uri.Host.Trim('[', ']'), binding.Host.Trim('[', ']'));
    }

    /// <summary>Only what is plain from the words: a name may lead anywhere, and in a container it does.</summary>
    private static bool Reaches(string host, string listened)
    {
        bool isWildcard = listened is "*" or "+" || (IPAddress.TryParse(listened, out var any) && (any.Equals(IPAddress.Any) || any.Equals(IPAddress.IPv6Any)));
        return isWildcard || listened == "localhost" || host == "localhost"
            ? IsLoopback(host) && (isWildcard || IsLoopback(listened))
            : host == listened;
    }

    private static bool IsLoopback(string host) =>
        host == "localhost" || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));
}
