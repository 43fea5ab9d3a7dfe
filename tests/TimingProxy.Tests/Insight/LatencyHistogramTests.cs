using TimingProxy.Insight;

namespace TimingProxy.Tests.Insight;

public sealed class LatencyHistogramTests
{
    [Theory]
    [InlineData(0.4)]
    [InlineData(1)]
    [InlineData(12.3)]
    [InlineData(499.9)]
    [InlineData(100_000)]
    public void Buckets_HoldEachLatency_WithinAHundredth(double milliseconds)
    {
        int bucket = LatencyBuckets.IndexOf(milliseconds);

        Assert.InRange(milliseconds, LatencyBuckets.LowerMs(bucket), LatencyBuckets.UpperMs(bucket));
        Assert.InRange(MiddleMs(bucket) / milliseconds, 0.985, 1.015);
    }

    [Theory]
    [InlineData(-1, 0)]
    [InlineData(0, 0)]
    [InlineData(1e12, LatencyBuckets.Count - 1)]
    public void Buckets_TakeWhateverComes(double milliseconds, int expected) => Assert.Equal(expected, LatencyBuckets.IndexOf(milliseconds));

    [Fact]
    public void Buckets_FollowEachOther()
    {
        for (int i = 1; i < LatencyBuckets.Count; i++)
        {
            Assert.Equal(LatencyBuckets.UpperMs(i - 1), LatencyBuckets.LowerMs(i));
            Assert.Equal(i, LatencyBuckets.IndexOf(MiddleMs(i)));
        }
    }

    [Fact]
    public void Quantiles_AreThoseOfTheValues()
    {
        var histogram = new LatencyHistogram();
        for (int i = 1; i <= 1000; i++)
        {
            histogram.Add(LatencyBuckets.IndexOf(i), 1);
        }

        Assert.Equal(500, histogram.QuantileMs(0.5), 500 * 0.016);
        Assert.Equal(990, histogram.QuantileMs(0.99), 990 * 0.016);
        Assert.Equal(0, new LatencyHistogram().QuantileMs(0.5));
    }

    private static double MiddleMs(int bucket) => (LatencyBuckets.LowerMs(bucket) + LatencyBuckets.UpperMs(bucket)) / 2;
}
