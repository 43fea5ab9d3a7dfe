using System.Globalization;

namespace TimingProxy.EndToEnd.Lab;

/// <summary>A mean of rounds with its 95 % interval.</summary>
public readonly record struct MeanOfRounds(double Mean, double HalfWidth)
{
    // Student's t, two-sided 95 %, by degrees of freedom from 1.
    private static readonly double[] Student =
        [12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13, 2.12, 2.11, 2.10, 2.09, 2.09];

    public double Low => Mean - HalfWidth;

    public double High => Mean + HalfWidth;

    public static MeanOfRounds Of(IReadOnlyCollection<double> rounds)
    {
        var mean = rounds.Average();
        var variance = rounds.Sum(r => (r - mean) * (r - mean)) / (rounds.Count - 1);
        return new MeanOfRounds(mean, Student[Math.Min(rounds.Count - 1, Student.Length) - 1] * Math.Sqrt(variance / rounds.Count));
    }

    /// <summary>The mean and its interval: <c>1.23 (1.10 … 1.36)</c>.</summary>
    public string Text(string format) => string.Create(
        CultureInfo.InvariantCulture,
        $"{Mean.ToString(format, CultureInfo.InvariantCulture)} ({Low.ToString(format, CultureInfo.InvariantCulture)} … {High.ToString(format, CultureInfo.InvariantCulture)})");
}

public static class Quantile
{
    /// <summary>The smallest value that so great a share of all does not exceed.</summary>
    public static double Of(IEnumerable<double> values, double share)
    {
        var sorted = values.Order().ToArray();
        return sorted[Math.Clamp((int)Math.Ceiling(share * sorted.Length) - 1, 0, sorted.Length - 1)];
    }
}
