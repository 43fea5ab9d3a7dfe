using System.Globalization;

namespace TimingProxy.Settings;

/// <summary>Durations as people write them: <c>250ms</c>, <c>1.5s</c>, <c>2m</c>, <c>1h</c> or <c>00:00:10</c>.</summary>
internal static class Duration
{
    /// <summary>Timers and connect timeouts of .NET take no more than <see cref="int.MaxValue"/> milliseconds (24.8 days).</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromDays(24);

    private static readonly (string Unit, double Milliseconds)[] Units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

    /// <exception cref="FormatException">No duration, with the mend in the message; a bare number is none.</exception>
    public static TimeSpan Parse(string text)
    {
        string trimmed = text.Trim();
        if (trimmed.Contains(':') && TimeSpan.TryParseExact(trimmed, "c", CultureInfo.InvariantCulture, out var span) && span >= TimeSpan.Zero)
        {
            return span <= Longest ? span : throw TooLong();
        }

        foreach (var (unit, milliseconds) in Units)
        {
            if (trimmed.EndsWith(unit, StringComparison.OrdinalIgnoreCase)
                && TryParseNumber(trimmed.AsSpan(0, trimmed.Length - unit.Length), out double number))
            {
                return number * milliseconds <= Longest.TotalMilliseconds ? TimeSpan.FromMilliseconds(number * milliseconds) : throw TooLong();
            }
        }

        throw new FormatException(TryParseNumber(trimmed, out _)
            ? $"a bare number has no unit; write {trimmed}ms or {trimmed}s"
            : "not a duration; write 250ms, 1.5s, 2m or 00:00:10");
    }

    /// <summary>The shortest form that <see cref="Parse"/> reads back.</summary>
    public static string Format(TimeSpan span)
    {
        double milliseconds = span.TotalMilliseconds;
        var (unit, perUnit) = milliseconds switch
        {
            0 => ("s", 1_000),
            < 1_000 => ("ms", 1),
            _ when milliseconds % 3_600_000 == 0 => ("h", 3_600_000),
            _ when milliseconds % 60_000 == 0 => ("m", 60_000),
            _ => ("s", 1_000),
        };
        return string.Create(CultureInfo.InvariantCulture, $"{milliseconds / perUnit}{unit}");
    }

    private static FormatException TooLong() => new($"too long; write {Format(Longest)} or less");

    private static bool TryParseNumber(ReadOnlySpan<char> text, out double number) =>
        double.TryParse(text.TrimEnd(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out number);
}
