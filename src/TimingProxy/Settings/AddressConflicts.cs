using System.Net;
using Microsoft.AspNetCore.Http;

namespace TimingProxy.Settings;

/// <summary>
/// Addresses that are each right and together wrong: one that is listened on twice, and an upstream that is the proxy itself, where the first
/// request would go round until nothing is left.
/// </summary>
internal static class AddressConflicts
{
    /// <param name="listensOnSettings">False where the traffic listeners come from <c>Kestrel:Endpoints</c>.</param>
    public static IEnumerable<SettingError> Of(ProxySettings settings, bool listensOnSettings)
    {
        (string Key, string Address)[] listened =
        [
            .. (listensOnSettings ? settings.Listen : []).Select(address => ("TimingProxy:Listen", address)),
            .. settings.Admin.Listen.Select(address => ("TimingProxy:Admin:Listen", address)),
        ];
        foreach (var again in listened.GroupBy(listen => listen.Address, StringComparer.OrdinalIgnoreCase).Where(same => same.Count() > 1))
        {
            if (HasOwnPort(BindingAddress.Parse(again.Key)))
            {
                string key = again.Last().Key;
                yield return new SettingError(key, $"{key} = \"{again.Key}\": listened on twice; give each listener an address of its own");
            }
        }

        if (settings.Upstream.Address is { } upstream && listened.FirstOrDefault(listen => IsSame(upstream, listen.Address)) is { Key: { } own, Address: var mine })
        {
            const string Key = "TimingProxy:Upstream:Address";
            yield return new SettingError(
                Key, $"{Key} = \"{upstream}\": that is this proxy itself ({own} = \"{mine}\"); name the app's address, or listen elsewhere");
        }
    }

    private static bool HasOwnPort(BindingAddress address) => address.IsUnixPipe || address.Port != 0;

    private static bool IsSame(string upstream, string listened)
    {
        var binding = BindingAddress.Parse(listened);
        if (upstream.StartsWith("unix:", StringComparison.OrdinalIgnoreCase))
        {
            return binding.IsUnixPipe && binding.UnixPipePath == upstream["unix:".Length..];
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
