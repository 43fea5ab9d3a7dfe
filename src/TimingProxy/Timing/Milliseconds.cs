using System.Globalization;

namespace TimingProxy.Timing;

/// <summary>
/// The one form in which milliseconds are shown to people and machines: one decimal, invariant culture, halves rounded up (<c>12.3</c>).
/// Header and log use it alike, so that the same request has the same number in both.
/// </summary>
internal static class Milliseconds
{
    // Up to a second every value has its string made once: stamping a header then allocates nothing.
    private static readonly string?[] Cache = new string?[10_000];

    /// <summary>Formats a non-negative number of milliseconds.</summary>
    public static string Format(double milliseconds)
    {
        long tenths = Tenths(milliseconds);
        if (tenths >= Cache.Length)
        {
            return Text(tenths);
        }

        return Cache[tenths] ??= Text(tenths);
    }

    /// <summary>The value as it is shown, for writers of numbers.</summary>
    public static double Round(double milliseconds) => Tenths(milliseconds) / 10.0;

    private static long Tenths(double milliseconds) => (long)Math.Floor((Math.Max(0, milliseconds) * 10) + 0.5);

    private static string Text(long tenths) =>
        string.Create(CultureInfo.InvariantCulture, $"{tenths / 10}.{tenths % 10}");
}
