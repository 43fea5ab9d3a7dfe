using TimingProxy.Metrics;
using TimingProxy.Settings;

namespace TimingProxy.Tests.Metrics;

public sealed class SeriesLimiterTests
{
    [Fact]
    public void Of_AboveTheLimit_SharesOneSetAndCounts()
    {
        int overflowed = 0;
        var limiter = new SeriesLimiter<string>(3, ["route"], static key => [key], () => overflowed++);

        string[] values = [.. "abcdac".Select(key => (string)limiter.Of(key.ToString())[0].Value!)];

        Assert.Equal(["a", "b", "_other", "_other", "a", "_other"], values);
        Assert.Equal(3, overflowed);
    }

    [Fact]
    public void Of_KnownKey_IsTheSameSet()
    {
        var limiter = new SeriesLimiter<string>(3, ["route"], static key => [key], static () => { });

        Assert.True(limiter.Of("a") == limiter.Of("a"));
    }

    [Fact]
    public void Of_KeysInTurn_AreEachTheirOwn()
    {
        var limiter = new SeriesLimiter<UpstreamLabels>(9, ["route", "code"], static key => [key.Route, key.StatusCode], static () => { });

        object?[] values = [.. Enumerable.Range(0, 6).Select(i => limiter.Of(new UpstreamLabels("home", "app", "GET", i / 2 % 2))[1].Value)];

        Assert.Equal([0, 0, 1, 1, 0, 0], values);
    }

    [Fact]
    public async Task Of_ManyThreads_NeverPassesTheLimit()
    {
        var limiter = new SeriesLimiter<int>(50, ["n"], static key => [key], static () => { });
        var seen = await Task.WhenAll(Enumerable.Range(0, 4).Select(thread => Task.Run(
            () => Enumerable.Range(0, 10_000).Select(i => limiter.Of((i * 7) + thread)[0].Value).ToHashSet(),
            TestContext.Current.CancellationToken)));

        Assert.Equal(50, seen.SelectMany(values => values).Distinct().Count());
    }

    [Fact]
    public void Bounds_Objectives_AddExactBoundsAtTAnd4T()
    {
        var settings = new MetricsSettings { Buckets = [0.1, 1], SloMs = [250, 25] };

        Assert.Equal([0.025, 0.1, 0.25, 1], BucketBounds.Of(settings));
    }

    [Theory]
    [InlineData("GET", "GET")]
    [InlineData("PATCH", "PATCH")]
    [InlineData("get", "_OTHER")]
    [InlineData("PROPFIND", "_OTHER")]
    [InlineData("", "_OTHER")]
    public void Method_OutsideOfTheTable_IsOther(string method, string label) => Assert.Equal(label, LabelValues.Method(method));

    [Theory]
    [InlineData(99, "_OTHER")]
    [InlineData(100, 100)]
    [InlineData(599, 599)]
    [InlineData(600, "_OTHER")]
    public void StatusCode_OutsideOf100To599_IsOther(int code, object label) => Assert.Equal(label, LabelValues.StatusCode(code));
}
