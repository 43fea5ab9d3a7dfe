namespace TimingProxy.Insight;

/// <summary>Counts of latencies by <see cref="LatencyBuckets"/>, of one time span.</summary>
internal sealed class LatencyHistogram
{
    private readonly long[] _counts = new long[LatencyBuckets.Count];

    public long Count { get; private set; }

    public void Add(int bucket, long count)
    {
        _counts[bucket] += count;
        Count += count;
    }

    public void Add(LatencyHistogram other)
    {
        foreach (var (bucket, count) in other.NonEmpty())
        {
            Add(bucket, count);
        }
    }

    /// <summary>Buckets that hold something, in order.</summary>
    public IEnumerable<(int Bucket, long Count)> NonEmpty()
    {
        for (int i = 0; i < _counts.Length; i++)
        {
            if (_counts[i] != 0)
            {
                yield return (i, _counts[i]);
            }
        }
    }

    /// <summary>In milliseconds, interpolated within its bucket; 0 of nothing.</summary>
    public double QuantileMs(double quantile) => QuantileMs(NonEmpty(), Count, quantile);

    /// <param name="buckets">In order, holding <paramref name="all"/>.</param>
    public static double QuantileMs(IEnumerable<(int Bucket, long Count)> buckets, long all, double quantile)
    {
        double rank = quantile * all;
        double before = 0;
        foreach (var (bucket, count) in buckets)
        {
            if (before + count >= rank)
            {
                double share = (rank - before) / count;
                return LatencyBuckets.LowerMs(bucket) + (share * (LatencyBuckets.UpperMs(bucket) - LatencyBuckets.LowerMs(bucket)));
            }

            before += count;
        }

        return 0;
    }
}
