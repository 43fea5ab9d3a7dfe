using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace TimingProxy.Timing;

/// <summary>
/// Reads what an app says of its own time: <c>X-Render-MS</c> (milliseconds), <c>X-Runtime</c> (seconds), <c>X-Response-Time</c>
/// (milliseconds unless it names its unit) or <c>Server-Timing</c> (the entry <c>total</c>, else <c>app</c>, else the largest), in this order.
/// Anything that is not plainly a time is taken for silence.
/// </summary>
internal static class AppReportedTime
{
    // A day: whatever is larger is no render time but a unit gone wrong.
    private const double MaxSeconds = 86_400;

    /// <summary>Ticks of <paramref name="clock"/>, or -1 where the app says nothing that can be read.</summary>
    public static long Read(IHeaderDictionary headers, RequestClock clock)
    {
        double seconds = -1;
        if (headers.TryGetValue("X-Render-MS", out var renderMs))
        {
            seconds = ParseNumber(Single(renderMs)) / 1000;
        }

        if (seconds < 0 && headers.TryGetValue("X-Runtime", out var runtime))
        {
            seconds = ParseNumber(Single(runtime));
        }

        if (seconds < 0 && headers.TryGetValue("X-Response-Time", out var responseTime))
        {
            seconds = ParseWithUnit(Single(responseTime));
        }

        if (seconds < 0 && headers.TryGetValue("Server-Timing", out var serverTiming))
        {
            seconds = ParseServerTiming(serverTiming) / 1000;
        }

        return seconds is >= 0 and <= MaxSeconds ? (long)(seconds * clock.Frequency) : -1;
    }

    /// <summary>Seconds of a value like <c>12</c>, <c>12.5ms</c>, <c>0.5 s</c>, <c>80us</c>; a negative number where it is none.</summary>
    internal static double ParseWithUnit(ReadOnlySpan<char> text)
    {
        text = text.Trim();
        int digits = text.Length;
        while (digits > 0 && !char.IsAsciiDigit(text[digits - 1]))
        {
            digits--;
        }

        double perSecond = text[digits..].Trim() switch
        {
            "" or "ms" => 1e3,
            "s" => 1,
            "us" or "µs" => 1e6,
            "ns" => 1e9,
            _ => -1,
        };
        return perSecond < 0 ? -1 : ParseNumber(text[..digits]) / perSecond;
    }

    /// <summary>Milliseconds of the entry that stands for the whole; a negative number where no entry has a duration.</summary>
    internal static double ParseServerTiming(StringValues values)
    {
        double app = -1;
        double largest = -1;
        foreach (string? value in values)
        {
            ReadOnlySpan<char> rest = value;
            while (!rest.IsEmpty)
            {
                var entry = TakeUntil(ref rest, ',');
                var name = TakeUntil(ref entry, ';').Trim();
                double duration = Duration(entry);
                if (duration < 0)
                {
                    continue;
                }

                if (name.Equals("total", StringComparison.OrdinalIgnoreCase))
                {
                    return duration;
                }

                if (name.Equals("app", StringComparison.OrdinalIgnoreCase))
                {
                    app = duration;
                }

                largest = Math.Max(largest, duration);
            }
        }

        return app >= 0 ? app : largest;
    }

    private static double Duration(ReadOnlySpan<char> parameters)
    {
        while (!parameters.IsEmpty)
        {
            var parameter = TakeUntil(ref parameters, ';');
            var name = TakeUntil(ref parameter, '=').Trim();
            if (name.Equals("dur", StringComparison.OrdinalIgnoreCase))
            {
                return ParseNumber(parameter.Trim().Trim('"'));
            }
        }

        return -1;
    }

    /// <summary>Cuts off what stands before the next separator outside of quotes, and the separator.</summary>
    private static ReadOnlySpan<char> TakeUntil(ref ReadOnlySpan<char> rest, char separator)
    {
        bool quoted = false;
        for (int i = 0; i < rest.Length; i++)
        {
            char c = rest[i];
            if (c == '\\' && quoted)
            {
                i++;
            }
            else if (c == '"')
            {
                quoted = !quoted;
            }
            else if (c == separator && !quoted)
            {
                var head = rest[..i];
                rest = rest[(i + 1)..];
                return head;
            }
        }

        var all = rest;
        rest = [];
        return all;
    }

    private static ReadOnlySpan<char> Single(StringValues values) => values.Count == 1 ? values[0] : default;

    // No exponent, no sign, no infinity: digits and one point.
    private static double ParseNumber(ReadOnlySpan<char> text) =>
        double.TryParse(text.Trim(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number)
        && double.IsFinite(number)
            ? number
            : -1;
}
