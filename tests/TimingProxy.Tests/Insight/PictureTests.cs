using TimingProxy.Insight;
using TimingProxy.Tests.Insight.Simulation;

namespace TimingProxy.Tests.Insight;

/// <summary>What the page's pictures are drawn from.</summary>
public sealed class PictureTests
{
    private static readonly DateTimeOffset Start = DateTimeOffset.UnixEpoch;

    [Fact]
    public void Timeline_OfAnHour_HasAsManyColumnsAsAPictureCanShow()
    {
        var windows = Enumerable.Range(0, 360).Select(i => new TimeWindow(
            Start.AddSeconds(10 * i), Start.AddSeconds(10 * (i + 1)), [new RouteWindow("/a", 2, 1, 1, 0.2, default, [(200, 1), (700, 1)])], i < 3 ? 9 : 0)).ToArray();

        var timeline = Timeline.Of(windows);

        Assert.Equal(Timeline.MaxColumns, timeline.Columns.Count);
        Assert.All(timeline.Columns, column => Assert.Equal((30, 6, 3, 3), (column.Seconds, column.Requests, column.Errors, column.Unanswered)));
        Assert.Equal([true, false], timeline.Columns.Take(2).Select(column => column.IsDisturbed));
        var heat = timeline.HeatOf(timeline.Columns[0]);
        Assert.Equal(timeline.RowBoundsMs.Count(), heat.Length);
        Assert.Equal((3, 3, 6), (heat[0], heat[^1], heat.Sum()));
        Assert.InRange(LatencyBuckets.UpperMs(200), 0, timeline.RowBoundsMs.First());
        Assert.Equal(120, timeline.TrendOf("/a").OfType<double>().Count());
        Assert.All(timeline.TrendOf("/b"), Assert.Null);
    }

    [Fact]
    public void Timeline_OfNothing_HasNone() => Assert.Empty(Timeline.Of([]).Columns);

    [Fact]
    public void LevelRates_HoldTheTrueRate_InTheirIntervals()
    {
        var traffic = Simulator.Play(new Scenario(3, 0.8, Arrivals.Poisson, Service.Exponential, 0.03, true, Twist.None, 21));

        var levels = LevelRates.Of(traffic.Windows);

        var known = levels.Where(level => level.Level.Seconds > 1).ToArray();
        Assert.True(known.Length >= 8);
        int held = known.Count(level => Truth(level) >= level.Low && Truth(level) <= level.High);
        Assert.True(held >= 0.8 * known.Length, $"{held} of {known.Length}");
        Assert.Equal(1 / 0.03, LevelRates.DeparturesEach(levels, 3), 1 / 0.03 * 0.05);

        static double Truth(LevelRate level) => Math.Min(3, level.Level.InFlight) / 0.03;
    }

    [Fact]
    public void LevelRates_OfFewWindows_AreThoseOfACount()
    {
        var rate = Assert.Single(LevelRates.Of([new LevelWindow([new LevelCell(2, 0.5, 4, 4, 1, 1), new LevelCell(3, 0, 1, 1, 1, 1)])]));

        Assert.Equal(8, rate.PerSecond);
        Assert.InRange(rate.Low, 0, 0.2);
        Assert.InRange(rate.High, 15.8, 15.9);
    }
}
