namespace TimingProxy.Insight;

/// <summary>
/// The windows of the last hour, in fixed memory: where they take more than their share, the shortest are put together two by two, oldest
/// first. So figures over the hour stay exact whatever comes; only the time that they are told apart by becomes coarser. Not safe to use
/// from two threads at a time.
/// </summary>
internal sealed class RouteHistory
{
    private const int MaxBytes = 5_000_000;
    private static readonly TimeSpan Kept = TimeSpan.FromHours(1);

    private readonly List<StoredRoutes> _windows = [];
    private int _bytes;

    public int Count => _windows.Count;

    public void Add(TimeWindow window)
    {
        var stored = StoredRoutes.Of(window);
        _windows.Add(stored);
        _bytes += stored.Bytes;
        int expired = _windows.FindIndex(kept => kept.To > window.To - Kept);
        _bytes -= _windows.Take(expired).Sum(gone => gone.Bytes);
        _windows.RemoveRange(0, expired);
        while (_bytes > MaxBytes && _windows.Count > 1)
        {
            PutTogether(ShortestPair());
        }
    }

    /// <summary>Windows that ended after <paramref name="since"/>, oldest first.</summary>
    public TimeWindow[] Since(DateTimeOffset since) => [.. _windows.Where(window => window.To > since).Select(window => window.Open())];

    private int ShortestPair() => Enumerable.Range(0, _windows.Count - 1).MinBy(first => _windows[first + 1].To - _windows[first].From);

    private void PutTogether(int first)
    {
        var sum = StoredRoutes.Of(_windows[first].Open().With(_windows[first + 1].Open()));
        _bytes += sum.Bytes - _windows[first].Bytes - _windows[first + 1].Bytes;
        _windows[first] = sum;
        _windows.RemoveAt(first + 1);
    }
}
