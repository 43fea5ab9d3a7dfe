namespace TimingProxy.Proxy;

/// <summary>
/// Upstream addresses as they were asked for lately, each taken apart once: apps are asked for the same targets again and again, and an address
/// costs more than any header. May be used by any number of requests at a time.
/// </summary>
internal sealed class RecentAddresses
{
    // What is kept is less than this, whatever clients ask for: some 400 KB at most.
    private const int Count = 256;
    private const int LongestTarget = 256;

    private static readonly UriCreationOptions AsReceived = new() { DangerousDisablePathAndQueryCanonicalization = true };

    private readonly Entry?[] _entries = new Entry?[Count];

    /// <summary>The address of a target (<c>/path?query</c>, as it was received) at a destination.</summary>
    /// <exception cref="UriFormatException">The destination is no address.</exception>
    public Uri Of(string destinationPrefix, string target)
    {
        if (target.Length > LongestTarget)
        {
            return Make(destinationPrefix, target);
        }

        // One place for each hash: a target that shares it with another is only made again.
        ref var place = ref _entries[(uint)target.GetHashCode(StringComparison.Ordinal) % Count];
        var entry = Volatile.Read(ref place);
        if (entry is null || entry.Target != target || entry.DestinationPrefix != destinationPrefix)
        {
            entry = new Entry(destinationPrefix, target, Make(destinationPrefix, target));
            Volatile.Write(ref place, entry);
        }

        return entry.Address;
    }

    private static Uri Make(string destinationPrefix, string target) => new(destinationPrefix.TrimEnd('/') + target, AsReceived);

    private sealed record Entry(string DestinationPrefix, string Target, Uri Address);
}
