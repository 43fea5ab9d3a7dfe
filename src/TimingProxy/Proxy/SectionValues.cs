using System.Globalization;
using TimingProxy.Settings;

namespace TimingProxy.Proxy;

/// <summary>The types of values that the <c>ReverseProxy</c> section has: each says what is wrong with a text, or null.</summary>
internal static class SectionValues
{
    public static string? Text(string text) => null;

    public static string? Switch(string text) => bool.TryParse(text, out _) ? null : "write true or false";

    public static string? Whole(string text) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _) ? null : "not a whole number; write one, like 10";

    public static string? LongWhole(string text) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _) ? null : "not a whole number; write one, like 1000000";

    public static string? Address(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out _) ? null : "not an address; write http://host:port";

    public static string? Choice<TEnum>(string text)
        where TEnum : struct, Enum =>
        Enum.TryParse<TEnum>(text, ignoreCase: true, out _) ? null : $"write one of {string.Join(", ", Enum.GetNames<TEnum>())}";

    /// <summary>A duration that becomes a timer's.</summary>
    public static string? Duration(string text) => LongDuration(text)
        ?? (TimeSpan.ParseExact(text, "c", CultureInfo.InvariantCulture) <= Settings.Duration.Longest
            ? null
            : $"too long; write \"{Text(Settings.Duration.Longest)}\" or less");

    /// <summary>YARP's reader takes .NET's own form only, and a bare number in it for days.</summary>
    public static string? LongDuration(string text) =>
        text.Contains(':', StringComparison.Ordinal) && TimeSpan.TryParseExact(text, "c", CultureInfo.InvariantCulture, out _) ? null
        : TryRead($"{text}s", out var seconds) ? $"a bare number has no unit, and would be days; write \"{Text(seconds)}\" for seconds"
        : TryRead(text, out var span) ? $"durations are hours:minutes:seconds here; write \"{Text(span)}\""
        : "not a duration; write \"00:00:01\" for a second, or \"00:00:00.5\" for half of one";

    public static string? HttpVersion(string text) => text switch
    {
        "" or "1" or "1.0" or "1.1" or "2" or "2.0" => null,
        "3" or "3.0" => "HTTP/3 to an upstream is not supported; write \"2\" or \"1.1\"",
        _ => "not a version of HTTP; write \"1.1\" or \"2\"",
    };

    private static string Text(TimeSpan span) => span.ToString("c", CultureInfo.InvariantCulture);

    private static bool TryRead(string text, out TimeSpan span)
    {
        try
        {
            span = Settings.Duration.Parse(text);
            return true;
        }
        catch (FormatException)
        {
            span = default;
            return false;
        }
    }
}
