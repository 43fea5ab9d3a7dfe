using System.Globalization;

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

    /// <summary>Of .NET's own form; YARP's reader takes no other.</summary>
    public static string? Duration(string text) =>
        TimeSpan.TryParseExact(text, "c", CultureInfo.InvariantCulture, out _) ? null : "not a duration; write \"00:00:01\" for a second";

    public static string? HttpVersion(string text) =>
        text is "" or "1" or "1.0" or "1.1" or "2" or "2.0" or "3" or "3.0" ? null : "not a version of HTTP; write \"1.1\" or \"2\"";
}
