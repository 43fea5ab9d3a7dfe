using System.Globalization;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd.Lab;

/// <summary>
/// Measure before you chase async: real backends, each with the reason of its slowness known, under a load that climbs through what
/// they can do. All wait and hardly compute, so they are measured at the same time.
/// </summary>
public sealed class MeasureFirstTests
{
    private const int Climb = 15;
    private const string Search = "/async/search?title=Article+7";
    private const string OneThreadSearch = "/async/search-one-thread?title=Article+7";

    // 100 rows make a search of about 60 ms.
    internal static readonly (string Name, string Value)[] SlowDatabase = [("LEGACY_ROW_MS", "0.5"), ("LEGACY_STOCK_MIDDLEWARE", "off")];

    // Exponential around 50 ms, as twenty equally likely delays.
    private static readonly string[] Varied =
        [.. Enumerable.Range(0, 20).Select(i => string.Create(CultureInfo.InvariantCulture, $"/delay?ms={-50 * Math.Log(1 - ((i + 0.5) / 20)):0}"))];

    private const int Seconds = 180;

    [Fact]
    public async Task Verdict_OfRealBackends_SaysWhatLimitsThem()
    {
        LabRun.RequireFull("Three minutes of eight apps at once; what is limited by workers, threads and pools, InsightVerdictTests has each time.");
        // Eight proxies at a time, none of which may take the processors from the apps.
        ProxyProcess.RequireNative();
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var two = await DjangoApp.StartAsync("gunicorn", cancellationToken, workers: 2);
        await using var four = await DjangoApp.StartAsync("gunicorn", cancellationToken, workers: 4);
        await using var variedTwo = await DjangoApp.StartAsync("gunicorn", cancellationToken, workers: 2);
        await using var variedFour = await DjangoApp.StartAsync("gunicorn", cancellationToken, workers: 4);
        await using var slow = await DjangoApp.StartAsync("uvicorn", cancellationToken, settings: SlowDatabase);
        await using var oneThread = await DjangoApp.StartAsync("uvicorn", cancellationToken, settings: SlowDatabase);
        await using var pool = await OtherApp.StartNodeAsync(cancellationToken, pool: 3);
        await using var free = await OtherApp.StartNodeAsync(cancellationToken);
        var toTwo = RandomArrivals.Climbing(Seconds, 8, 42, Climb, "/sleep");
        var toVariedTwo = RandomArrivals.Climbing(Seconds, 8, 42, Climb, Varied);
        Measured[] all = await Task.WhenAll(
            MeasureAsync("gunicorn, 2 sync workers, a view that waits 50 ms", two.Port, toTwo, cancellationToken),
            MeasureAsync("the same with 4 workers", four.Port, toTwo, cancellationToken),
            MeasureAsync("gunicorn, 2 sync workers, waits that vary around 50 ms", variedTwo.Port, toVariedTwo, cancellationToken),
            MeasureAsync("the same with 4 workers", variedFour.Port, toVariedTwo, cancellationToken),
            MeasureAsync("uvicorn, async views, a search that misses its index", slow.Port, RandomArrivals.Climbing(Seconds, 10, 50, Climb, Search, Search, "/async/fast", "/async/articles"), cancellationToken),
            MeasureAsync("the same search through `sync_to_async` as it comes: one thread", oneThread.Port, RandomArrivals.Climbing(Seconds, 3, 17, Climb, OneThreadSearch), cancellationToken),
            MeasureAsync("Node.js, a pool of 3, 50 ms each", pool.Port, RandomArrivals.Climbing(Seconds, 12, 62, Climb, "/sleep"), cancellationToken),
            MeasureAsync("Node.js without a pool", free.Port, RandomArrivals.Climbing(Seconds, 12, 62, Climb, "/sleep", "/sleep", "/fast"), cancellationToken));

        var (ofTwo, ofFour, ofVariedTwo, ofVariedFour) = (all[0].Data, all[1].Data, all[2].Data, all[3].Data);
        var (ofSlow, ofOneThread, ofPool, ofFree) = (all[4].Data, all[5].Data, all[6].Data, all[7].Data);
        await new ResultsFile("verdicts", typeof(MeasureFirstTests).FullName!)
            .Line(string.Create(CultureInfo.InvariantCulture, $"{Seconds} s each, Poisson arrivals at a rate that climbs through the backend's limit every {Climb} s. W with its 95 % interval."))
            .Line("")
            .Table(["backend", "requests", "verdict", "W", "first route, its share of upstream time"], all.Select(m => m.Row))
            .Line("What the verdict on 2 workers promised of twice as many, and what a run with 4 at the very same arrivals gave:")
            .Line("")
            .Table(["", "p50, 50 ms each", "p99", "p50, around 50 ms", "p99"],
            [
                ["2 workers, measured", .. Quantiles(Observed(ofTwo)), .. Quantiles(Observed(ofVariedTwo))],
                ["4 workers, predicted", .. Quantiles(ofTwo.WithDouble), .. Quantiles(ofVariedTwo.WithDouble)],
                ["4 workers, measured", .. Quantiles(Observed(ofFour)), .. Quantiles(Observed(ofVariedFour))],
            ])
            .WriteAsync(cancellationToken);

        AssertLimited(ofTwo, 2);
        AssertLimited(ofVariedTwo, 2);
        AssertLimited(ofPool, 3);
        AssertLimited(ofOneThread, 1);
        Assert.True(ofSlow.Verdict == "service-time-bound", ofSlow.Sentence);
        Assert.Contains("/async/search", ofSlow.Sentence, StringComparison.Ordinal);
        Assert.True(ofFree.Verdict == "service-time-bound", ofFree.Sentence);
    }

    private static void AssertLimited(InsightData data, double workers) => Assert.True(
        data.Verdict == "concurrency-limited" && data.Limit.Estimate > workers * 0.75 && data.Limit.Estimate < workers * 1.3,
        $"{workers} workers, and the page says: {data.Sentence}\n{data.Root.GetProperty("levels")}");

    private static (double P50, double P99) Observed(InsightData data) =>
        (data.FirstRoute.GetProperty("p50Ms").GetDouble(), data.FirstRoute.GetProperty("p99Ms").GetDouble());

    private static IEnumerable<string> Quantiles((double P50, double P99) quantiles) =>
        [quantiles.P50.ToString("0.0", CultureInfo.InvariantCulture), quantiles.P99.ToString("0.0", CultureInfo.InvariantCulture)];

    private static async Task<Measured> MeasureAsync(string name, int port, IReadOnlyList<Arrival> arrivals, CancellationToken cancellationToken)
    {
        await using var proxy = await ProxyProcess.InFrontOfAsync(port, cancellationToken, Exchange.StampSetting);
        var exchanges = await RandomArrivals.RunAsync(proxy.Port, arrivals, cancellationToken);
        Assert.All(exchanges, exchange => Assert.Equal(200, exchange.Status));
        return new Measured(name, await InsightData.OfAsync(proxy, arrivals.Count, cancellationToken));
    }

    private sealed record Measured(string Name, InsightData Data)
    {
        public IReadOnlyList<string> Row =>
        [
            Name,
            Data.Count.ToString(CultureInfo.InvariantCulture),
            $"`{Data.Verdict}`",
            Data.LimitText,
            string.Create(CultureInfo.InvariantCulture, $"`{Data.FirstRoute.GetProperty("route").GetString()}` {Data.FirstRoute.GetProperty("upstreamShare").GetDouble():P0}"),
        ];
    }
}
