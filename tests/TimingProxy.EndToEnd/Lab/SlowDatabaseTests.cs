using System.Globalization;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd.Lab;

/// <summary>
/// What the verdict `service-time-bound` advises is done: the search that owns the time gets its index, or a cache, and `compare` shows
/// the gain.
/// </summary>
public sealed class SlowDatabaseTests
{
    private const string Route = "/async/search";

    private static readonly (string Name, string Value) Routes = ("METRICS__ROUTES", "/async/search;/async/fast;/async/articles");

    [Fact]
    public async Task Compare_AfterIndexOrCache_ShowsTheGain()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var arrivals = RandomArrivals.Climbing(LabRun.Size(inShort: 8, inFull: 40), 10, 50, 5, $"{Route}?title=Article+7", $"{Route}?title=Article+70", "/async/fast", "/async/articles");
        await using var slow = await DjangoApp.StartAsync("uvicorn", cancellationToken, settings: MeasureFirstTests.SlowDatabase);
        await using var cached = await DjangoApp.StartAsync("uvicorn", cancellationToken, settings: [.. MeasureFirstTests.SlowDatabase, ("LEGACY_CACHE", "on")]);

        InsightData[] first = await Task.WhenAll(MeasureAsync(slow, arrivals, cancellationToken), MeasureAsync(cached, arrivals, cancellationToken));
        await slow.AddIndexAsync(cancellationToken);
        var (before, withCache, withIndex) = (first[0], first[1], await MeasureAsync(slow, arrivals, cancellationToken));

        var rows = new List<string[]>();
        foreach (var (name, after) in new[] { ("an index on the title", withIndex), ("a cache in the process", withCache) })
        {
            var compare = await Compare.RunAsync(before, after, cancellationToken, Route);
            Assert.True(compare.ExitCode == Compare.NoWorse, compare.Table);
            Assert.True(compare.HighMs < -0.5 * compare.BeforeMs, compare.Table);
            var share = before.Route(Route).GetProperty("upstreamShare").GetDouble();
            var freed = 1 - (UpstreamSeconds(after) / UpstreamSeconds(before));
            // Of eight seconds a single stall of the machine is much.
            Assert.InRange(freed, LabRun.IsFull ? share - 0.15 : share / 2, share + 0.05);
            rows.Add([
                name,
                compare.BeforeMs.ToString("0.0", CultureInfo.InvariantCulture),
                compare.AfterMs.ToString("0.0", CultureInfo.InvariantCulture),
                compare.ChangeText,
                share.ToString("P0", CultureInfo.InvariantCulture),
                freed.ToString("P0", CultureInfo.InvariantCulture),
            ]);
        }

        await new ResultsFile("database", typeof(SlowDatabaseTests).FullName!)
            .Line(string.Create(CultureInfo.InvariantCulture, $"The same {arrivals.Count} requests each time. The page's promise is the search's share of upstream time before the change: so much is to be had there, and no more."))
            .Line("")
            .Table(["what was added", "search before, ms", "after", "change, by `compare`", "promised: share of all upstream time", "freed of all upstream time"], rows)
            .WriteAsync(cancellationToken);
    }

    private static double UpstreamSeconds(InsightData data) =>
        data.Root.GetProperty("routes").EnumerateArray().Sum(route => route.GetProperty("upstreamSeconds").GetDouble());

    private static async Task<InsightData> MeasureAsync(DjangoApp app, IReadOnlyList<Arrival> arrivals, CancellationToken cancellationToken)
    {
        await using var proxy = await ProxyProcess.InFrontOfAsync(app.Port, cancellationToken, Exchange.StampSetting, Routes);
        var exchanges = await RandomArrivals.RunAsync(proxy.Port, arrivals, cancellationToken);
        Assert.All(exchanges, exchange => Assert.Equal(200, exchange.Status));
        return await InsightData.OfAsync(proxy, arrivals.Count, cancellationToken);
    }
}
