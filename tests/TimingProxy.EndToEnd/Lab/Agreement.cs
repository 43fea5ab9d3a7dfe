using System.Globalization;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd.Lab;

/// <summary>The proxy's figure less the app's own, in milliseconds, over one load.</summary>
public sealed record Agreement(double Least, double P50, double P99)
{
    /// <summary>Both figures are rounded to a tenth of a millisecond, to the nearest.</summary>
    private const double Rounding = 0.1;

    private const double Epsilon = 1e-6;

    public IReadOnlyList<string> Cells => [.. new[] { Least, P50, P99 }.Select(ms => ms.ToString("0.0", CultureInfo.InvariantCulture))];

    /// <summary>Asks through a proxy of its own, and checks each request, and the histogram of the differences against all of them.</summary>
    public static async Task<Agreement> MeasureAsync(int appPort, IReadOnlyList<string> targets, int requests, int atATime, CancellationToken cancellationToken)
    {
        await using var proxy = await ProxyProcess.InFrontOfAsync(appPort, cancellationToken, Exchange.StampSetting);
        var load = await ClosedLoad.RunAsync(proxy.Port, targets, requests, atATime, cancellationToken);

        Assert.Equal(requests, load.Exchanges.Count);
        Assert.All(load.Exchanges, exchange =>
        {
            Assert.Equal(200, exchange.Status);
            Assert.True(exchange.AppMs is not null, $"{exchange.Target}: the app gave no figure of its own.");
            Assert.True(
                exchange.ProxyMs >= exchange.AppMs - Rounding - Epsilon,
                string.Create(CultureInfo.InvariantCulture, $"{exchange.Target}: the proxy says {exchange.ProxyMs} ms, the app {exchange.AppMs} ms."));
        });
        double[] differences = [.. load.Exchanges.Select(exchange => exchange.ProxyMs - exchange.AppMs!.Value)];
        var scrape = await proxy.ScrapeUntilAsync(
            s => s.Sum("timingproxy_app_queue_duration_seconds_count") == requests, $"{requests} differences", cancellationToken);
        CheckHistogram(scrape, differences);
        return new Agreement(differences.Min(), Quantile.Of(differences, 0.5), Quantile.Of(differences, 0.99));
    }

    /// <summary>Each bucket holds as many as the differences that are surely below its bound, and no more than those that may be.</summary>
    private static void CheckHistogram(Scrape scrape, double[] differences)
    {
        Assert.Equal(
            differences.Sum(ms => Math.Max(0, ms)) / 1000,
            scrape.Sum("timingproxy_app_queue_duration_seconds_sum"),
            differences.Length * Rounding / 1000);
        foreach (var bound in new[] { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1 })
        {
            var le = bound.ToString(CultureInfo.InvariantCulture);
            var counted = scrape.Sum("timingproxy_app_queue_duration_seconds_bucket", ("le", le));
            Assert.InRange(
                counted,
                differences.Count(ms => ms <= (bound * 1000) - Rounding - Epsilon),
                differences.Count(ms => ms <= (bound * 1000) + Rounding + Epsilon));
        }
    }
}
