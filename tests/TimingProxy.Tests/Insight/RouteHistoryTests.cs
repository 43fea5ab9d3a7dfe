using TimingProxy.Insight;

namespace TimingProxy.Tests.Insight;

public sealed class RouteHistoryTests
{
    private static readonly DateTimeOffset Start = DateTimeOffset.UnixEpoch;

    [Fact]
    public void AnHour_IsKeptByTenSeconds()
    {
        var history = new RouteHistory();
        for (int i = 0; i < 500; i++)
        {
            history.Add(Window(i, [new RouteWindow("/a", 5, 0, 0, 0.5, default, [(100, 5)])]));
        }

        var windows = history.Since(DateTimeOffset.MinValue);
        Assert.Equal(360, windows.Length);
        Assert.All(windows, window => Assert.Equal(10, window.Seconds));
        Assert.Equal(Start.AddSeconds(5000), windows[^1].To);
        Assert.Equal(60, history.Since(Start.AddSeconds(4400)).Length);
    }

    /// <summary>More than there is room for: everything is still there, by longer windows, the oldest first.</summary>
    [Fact]
    public void FullHouse_KeepsTheHour_ByLongerWindows()
    {
        var history = new RouteHistory();
        var random = new Random(1);
        for (int i = 0; i < 360; i++)
        {
            history.Add(Window(i, [.. Enumerable.Range(0, 129).Select(route => Busy($"/{route}", random))]));
        }

        var windows = history.Since(DateTimeOffset.MinValue);
        Assert.InRange(windows.Length, 10, 200);
        Assert.Equal(Start, windows[0].From);
        Assert.Equal(3600, windows.Sum(window => window.Seconds));
        Assert.All(windows.Zip(windows.Skip(1)), pair => Assert.Equal(pair.First.To, pair.Second.From));
        Assert.True(windows[0].Seconds >= windows[^1].Seconds);
        var total = RouteRanking.Total(windows);
        Assert.Equal(360 * 129 * 300, total.Requests);
        Assert.Equal(360 * 129 * 300, total.Latency.Count);
        Assert.Equal(360 * 129, total.App.Answers);
    }

    [Fact]
    public void Disturbance_IsMarkedWhereItIsMoreThanATwentieth()
    {
        var calm = new TimeWindow(Start, Start.AddSeconds(10), [], 0.4);
        var disturbed = new TimeWindow(Start.AddSeconds(10), Start.AddSeconds(20), [], 0.7);

        Assert.False(calm.IsDisturbed);
        Assert.True(disturbed.IsDisturbed);
        Assert.True(calm.With(disturbed).IsDisturbed);
    }

    private static TimeWindow Window(int i, RouteWindow[] routes) => new(Start.AddSeconds(10 * i), Start.AddSeconds(10 * (i + 1)), routes, 0);

    // Every third bucket of four octaves or so.
    private static RouteWindow Busy(string route, Random random)
    {
        var buckets = Enumerable.Range(0, 300).Select(i => ((ushort)(500 + (i * 3) + random.Next(3)), 1u)).ToArray();
        return new RouteWindow(route, 300, 0, 0, 3, new AppTime(1, 0.01, 0), buckets);
    }
}
