namespace TimingProxy.Benchmarks.Reporting;

/// <summary>What one peer did in one round of one scenario.</summary>
/// <param name="Figures">By name, which ends in its unit.</param>
internal sealed record Measurement(string Scenario, string Peer, int Round, IReadOnlyDictionary<string, double> Figures);

/// <summary>The middle of the rounds, and the lowest and highest of them.</summary>
internal readonly record struct Spread(double Median, double Low, double High)
{
    public static Spread? Of(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Where(double.IsFinite).Order()];
        if (sorted.Length == 0)
        {
            return null;
        }

        int middle = sorted.Length / 2;
        double median = sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Spread(median, sorted[0], sorted[^1]);
    }

    /// <summary>The value of a sorted list that a share of them does not exceed.</summary>
    public static double Quantile(double[] sorted, double share) =>
        sorted.Length == 0 ? double.NaN : sorted[Math.Clamp((int)Math.Ceiling(share * sorted.Length) - 1, 0, sorted.Length - 1)];
}

/// <summary>All measurements of a run, and how a peer compares with another within each round.</summary>
internal sealed class Measurements(IReadOnlyList<Measurement> all)
{
    public IReadOnlyList<Measurement> All => all;

    public Spread? Of(string scenario, string peer, string figure) =>
        Spread.Of(In(scenario, peer, figure).Select(pair => pair.Value));

    /// <summary>Round by round: what <paramref name="peer"/> has over what <paramref name="other"/> has.</summary>
    public Spread? Ratio(string scenario, string peer, string other, string figure) => Compare(scenario, peer, other, figure, (a, b) => a / b);

    /// <summary>Round by round: how much more <paramref name="peer"/> has than <paramref name="other"/>.</summary>
    public Spread? Added(string scenario, string peer, string other, string figure) => Compare(scenario, peer, other, figure, (a, b) => a - b);

    private Spread? Compare(string scenario, string peer, string other, string figure, Func<double, double, double> compare)
    {
        var others = In(scenario, other, figure).ToDictionary(pair => pair.Round, pair => pair.Value);
        return Spread.Of(In(scenario, peer, figure).Where(pair => others.ContainsKey(pair.Round)).Select(pair => compare(pair.Value, others[pair.Round])));
    }

    private IEnumerable<(int Round, double Value)> In(string scenario, string peer, string figure) =>
        from measurement in all
        where measurement.Scenario == scenario && measurement.Peer == peer && measurement.Figures.ContainsKey(figure)
        select (measurement.Round, measurement.Figures[figure]);
}
