namespace TimingProxy.Hosting;

/// <summary>What a person who has started the proxy is told: where everything is.</summary>
internal static class Banner
{
    /// <param name="traffic">Addresses that traffic is listened for on, as the server knows them.</param>
    /// <param name="upstream">What is proxied to, in words.</param>
    /// <param name="examplePath">A path that is worth a try.</param>
    public static string Of(
        string version, IReadOnlyCollection<string> traffic, IReadOnlyCollection<string> admin, string upstream, string examplePath)
    {
        var lines = new List<string> { $"TimingProxy {version}" };
        lines.AddRange(traffic.Select(address => $"  proxy     {Reachable(address)}  ->  {WithoutUserInfo(upstream)}"));
        foreach (string address in admin.Select(Reachable))
        {
            lines.Add($"  insight   {address}/");
            lines.Add($"  metrics   {address}/metrics");
        }

        if (traffic.FirstOrDefault() is { } first)
        {
            lines.Add($"  try       {TryIt(first, examplePath)}");
        }

        return string.Join('\n', lines) + "\n";
    }

    /// <summary>A banner ends up in logs; a password in an address must not.</summary>
    private static string WithoutUserInfo(string upstream)
    {
        int scheme = upstream.IndexOf("://", StringComparison.Ordinal);
        int at = upstream.LastIndexOf('@');
        return scheme >= 0 && at > scheme ? $"{upstream[..(scheme + 3)]}***{upstream[at..]}" : upstream;
    }

    /// <summary>A wildcard is an address to listen on; what a person can open is this machine's name.</summary>
    private static string Reachable(string address) => address
        .Replace("://[::]", "://localhost", StringComparison.Ordinal)
        .Replace("://0.0.0.0", "://localhost", StringComparison.Ordinal)
        .Replace("://*", "://localhost", StringComparison.Ordinal)
        .Replace("://+", "://localhost", StringComparison.Ordinal)
        .TrimEnd('/');

    private static string TryIt(string address, string path)
    {
        const string Unix = "://unix:";
        int unix = address.IndexOf(Unix, StringComparison.Ordinal);
        return unix < 0
            ? $"curl -i {Reachable(address)}{path}"
            : $"curl -i --unix-socket {address[(unix + Unix.Length)..]} http://localhost{path}";
    }
}
