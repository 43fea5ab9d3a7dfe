using System.Globalization;
using System.Text;
using TimingProxy.Insight;

namespace TimingProxy.Tests.Insight;

public sealed class ComparisonTests
{
    [Fact]
    public void SameMeasurement_IsNoWorse()
    {
        var measured = Of(("/a", 10, 1000));

        Assert.Equal(Change.NoWorse, Comparison.Of(measured, measured).Change);
    }

    [Fact]
    public void SlowerRoute_IsWorse_AndComesFirst()
    {
        var comparison = Comparison.Of(Of(("/a", 10, 1000), ("/b", 50, 1000)), Of(("/a", 10, 1000), ("/b", 70, 1000)));

        Assert.Equal(Change.Worse, comparison.Change);
        Assert.Equal("/b", comparison.Routes[0].Route);
        Assert.InRange(comparison.Routes[0].Difference.Ms, 18, 22);
    }

    [Fact]
    public void AnotherMix_IsNoSlowDown()
    {
        var comparison = Comparison.Of(Of(("/fast", 1, 9000), ("/slow", 100, 1000)), Of(("/fast", 1, 1000), ("/slow", 100, 9000)));

        Assert.Equal(Change.NoWorse, comparison.Change);
        Assert.Equal(0, comparison.Total.Ms, 0.001);
    }

    [Fact]
    public void FewRequests_CannotTell()
    {
        Assert.Equal(Change.CannotTell, Comparison.Of(Of(("/a", 10, 40)), Of(("/a", 10.2, 40))).Change);
        var tooFew = Comparison.Of(Of(("/a", 10, 5)), Of(("/a", 10, 5)));
        Assert.Equal(Change.CannotTell, tooFew.Change);
        Assert.Equal(["/a"], tooFew.LeftOut);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"version\":2,\"routes\":[]}")]
    [InlineData("{\"version\":1,\"routes\":[{\"route\":\"/a\",\"histogram\":{\"boundsMs\":[1],\"counts\":[]}}]}")]
    [InlineData("{\"version\":1,\"routes\":[{\"route\":\"/a\",\"histogram\":{\"boundsMs\":[1],\"counts\":[-1]}}]}")]
    [InlineData("{\"version\":1,\"routes\":[{\"route\":\"/a\",\"histogram\":{\"boundsMs\":[],\"counts\":[]}},{\"route\":\"/a\",\"histogram\":{\"boundsMs\":[],\"counts\":[]}}]}")]
    public void Snapshot_ThatIsNone_IsSaidToBe(string json) =>
        Assert.Throws<FormatException>(() => Snapshot.Parse(Encoding.UTF8.GetBytes(json)));

    [Theory]
    [InlineData("1", "1e308", "route \"/a\": counts has 1e308, which is no whole number from 0 to 1000000000000")]
    [InlineData("1", "-1", "counts has -1")]
    [InlineData("1", "0.5", "counts has 0.5")]
    [InlineData("1", "null", "counts has null")]
    [InlineData("1e308", "1", "route \"/a\": boundsMs has 1e308, which is no number from 0 to 1000000000")]
    [InlineData("1, 2", "1", "2 boundsMs and 1 counts")]
    public void Snapshot_WithANumberOutOfBounds_NamesRouteValueAndMend(string bounds, string counts, string message)
    {
        var json = $$$"""{"version":1,"from":"2026-01-01T00:00:00Z","to":"2026-01-01T00:10:00Z","routes":[{"route":"/a","histogram":{"boundsMs":[{{{bounds}}}],"counts":[{{{counts}}}]}}]}""";

        var error = Assert.Throws<FormatException>(() => Snapshot.Parse(Encoding.UTF8.GetBytes(json)));

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Contains("take the snapshot again", error.Message, StringComparison.Ordinal);
    }

    // Latencies spread evenly from half to one and a half of their mean.
    private static Snapshot Of(params (string Route, double MeanMs, int Count)[] routes)
    {
        var text = routes.Select(route =>
        {
            var steps = Enumerable.Range(0, 10).Select(step => route.MeanMs * (0.5 + (step / 9.0)));
            string bounds = string.Join(',', steps.Select(step => step.ToString(CultureInfo.InvariantCulture)));
            string counts = string.Join(',', Enumerable.Repeat(route.Count / 10, 10));
            return $"{{\"route\":\"{route.Route}\",\"histogram\":{{\"boundsMs\":[{bounds}],\"counts\":[{counts}]}}}}";
        });
        return Snapshot.Parse(Encoding.UTF8.GetBytes($"{{\"version\":1,\"from\":\"2026-01-01T00:00:00Z\",\"to\":\"2026-01-01T00:10:00Z\",\"routes\":[{string.Join(',', text)}]}}"));
    }
}
