using System.Globalization;
using TimingProxy.Hosting;

namespace TimingProxy.Commands;

/// <summary>A service level objective: so much of the requests is answered within a time, and as much is answered without a failure.</summary>
/// <param name="Ms">The time in milliseconds; <c>Metrics:SloMs</c> gives the histograms this bound.</param>
/// <param name="TargetPercent">The share of requests, above 1 and below 100.</param>
internal sealed record Objective(decimal Ms, decimal TargetPercent)
{
    /// <summary>The share of requests that may miss it.</summary>
    public decimal Budget => (100 - TargetPercent) / 100;

    /// <exception cref="StartupError">A value cannot be used; the message has the mend.</exception>
    public static Objective Parse(string ms, string targetPercent) => new(
        Number("--slo-ms", ms, value => value is > 0 and < 1_000_000, "a number of milliseconds above 0 and below 1000000, like 300"),
        Number("--slo-target", targetPercent, value => value is > 1 and < 100, PercentageFor(targetPercent)));

    /// <summary>Matches the <c>le</c> label of a bound. Prometheus text writes whole seconds as 1, OpenMetrics as 1.0.</summary>
    public static string Bound(decimal ms)
    {
        decimal seconds = ms / 1000;
        string text = Text(seconds);
        return decimal.IsInteger(seconds) ? $"le=~\"{text}([.]0)?\"" : $"le=\"{text}\"";
    }

    /// <summary>Without trailing zeros.</summary>
    public static string Text(decimal value) => value.ToString("0.############", CultureInfo.InvariantCulture);

    /// <summary>Shares are as often written as fractions: taken for percentages they would be objectives that nothing can miss.</summary>
    private static string PercentageFor(string text)
    {
        const string Range = "a percentage above 1 and below 100";
        return TryParse(text, out decimal value) && value is > 0 and <= 1
            ? $"{Range}, like {Text(value == 1 ? 99.5m : value * 100)}: this is taken for a fraction"
            : $"{Range}, like 99.5";
    }

    private static bool TryParse(string text, out decimal value) =>
        decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out value);

    private static decimal Number(string flag, string text, Func<decimal, bool> isRight, string mend) =>
        TryParse(text, out decimal value) && isRight(value)
            ? value
            : throw new StartupError(ExitCode.Usage, $"{flag} = \"{text}\": write {mend}");
}
