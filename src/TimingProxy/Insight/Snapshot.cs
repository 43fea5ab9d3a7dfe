using System.Text.Json;

namespace TimingProxy.Insight;

/// <summary>One route of a saved /insight.json: counts by upper bound of latency.</summary>
internal sealed record SnapshotRoute(string Route, double[] BoundsMs, double[] Counts)
{
    /// <summary>A bucket is at most 1.6 % wide: its middle is this much of its bound.</summary>
    private const double Middle = 0.993;

    public double Count => Counts.Sum();

    public double MeanMs => Count > 0 ? BoundsMs.Zip(Counts, (bound, count) => bound * Middle * count).Sum() / Count : 0;

    /// <summary>Of the latencies, not of their mean.</summary>
    public double Variance
    {
        get
        {
            double mean = MeanMs;
            return Count > 1
                ? BoundsMs.Zip(Counts, (bound, count) => count * ((bound * Middle) - mean) * ((bound * Middle) - mean)).Sum() / (Count - 1)
                : 0;
        }
    }
}

/// <summary>A saved /insight.json, as far as a comparison needs it.</summary>
/// <param name="From">When the measurement began.</param>
/// <param name="To">When it ended.</param>
internal sealed record Snapshot(DateTimeOffset From, DateTimeOffset To, IReadOnlyDictionary<string, SnapshotRoute> Routes)
{
    // Sums of these over any file that fits into memory, and squares of them, stay far from where a double is infinite or counts no more by one.
    private const double HighestBoundMs = 1e9;
    private const double HighestCount = 1e12;

    private const string Mend = "take the snapshot again with \"timingproxy snapshot\"";
    private const int LongestShown = 40;

    public bool Overlaps(Snapshot other) => From < other.To && other.From < To;

    /// <exception cref="FormatException">Not the JSON of an /insight.json of a version that is known; the message says what is wrong.</exception>
    public static Snapshot Parse(ReadOnlyMemory<byte> utf8)
    {
        try
        {
            using var document = JsonDocument.Parse(utf8);
            var root = document.RootElement;
            var version = Required(root, "version");
            if (version.ValueKind != JsonValueKind.Number || !version.TryGetInt32(out int number) || number != InsightJson.Version)
            {
                throw new FormatException($"version = {Shown(version)}: only {InsightJson.Version} is known here; take both snapshots with this timingproxy");
            }

            return new Snapshot(
                Time(root, "from"),
                Time(root, "to"),
                Required(root, "routes").EnumerateArray().Select(Route).ToDictionary(route => route.Route, StringComparer.Ordinal));
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or ArgumentException)
        {
            throw new FormatException($"not the data of an /insight.json: {error.Message}");
        }
    }

    private static JsonElement Required(JsonElement parent, string name) => parent.TryGetProperty(name, out var value)
        ? value
        : throw new FormatException($"not the data of an /insight.json: there is no \"{name}\" in it");

    private static SnapshotRoute Route(JsonElement element)
    {
        string route = Required(element, "route").GetString() ?? "";
        var histogram = Required(element, "histogram");
        double[] bounds = [.. Required(histogram, "boundsMs").EnumerateArray().Select(bound => Bound(route, bound))];
        double[] counts = [.. Required(histogram, "counts").EnumerateArray().Select(count => RequestCount(route, count))];
        return bounds.Length == counts.Length
            ? new SnapshotRoute(route, bounds, counts)
            : throw new FormatException($"route \"{route}\": {bounds.Length} boundsMs and {counts.Length} counts, where each bound has a count; {Mend}");
    }

    private static double Bound(string route, JsonElement element) =>
        element.ValueKind == JsonValueKind.Number && element.GetDouble() is >= 0 and <= HighestBoundMs and var bound
            ? bound
            : throw new FormatException($"route \"{route}\": boundsMs has {Shown(element)}, which is no number from 0 to {HighestBoundMs:0}; {Mend}");

    private static double RequestCount(string route, JsonElement element) =>
        element.ValueKind == JsonValueKind.Number && element.GetDouble() is >= 0 and <= HighestCount and var count && double.IsInteger(count)
            ? count
            : throw new FormatException($"route \"{route}\": counts has {Shown(element)}, which is no whole number from 0 to {HighestCount:0}; {Mend}");

    private static DateTimeOffset Time(JsonElement parent, string name)
    {
        var element = Required(parent, name);
        return element.ValueKind == JsonValueKind.String && element.TryGetDateTimeOffset(out var time)
            ? time
            : throw new FormatException($"{name} = {Shown(element)}: no time such as \"2026-01-01T00:00:00Z\"; {Mend}");
    }

    /// <summary>A value as it stands in the file, or its beginning.</summary>
    private static string Shown(JsonElement element)
    {
        string text = element.GetRawText();
        return text.Length > LongestShown ? $"{text[..LongestShown]}…" : text;
    }
}
