using TimingProxy.Settings;

namespace TimingProxy.Metrics;

/// <summary>The bounds of every duration histogram, in seconds.</summary>
internal static class BucketBounds
{
    /// <summary>The configured bounds, and for each objective T an exact one at T and at 4T: what Apdex and burn rates are made of.</summary>
    public static double[] Of(MetricsSettings settings) =>
        [.. settings.Buckets.Concat(settings.SloMs.SelectMany(ms => new[] { Seconds(ms), Seconds(4 * ms) })).Distinct().Order()];

    // By decimals, so that 0.1 ms is 0.0001 s as it would be written, and not a neighbour of it.
    private static double Seconds(double milliseconds) => (double)((decimal)milliseconds / 1000m);
}
