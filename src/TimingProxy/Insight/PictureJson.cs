using System.Text.Json;

namespace TimingProxy.Insight;

/// <summary>The part of the report's JSON that pictures are made of.</summary>
internal static class PictureJson
{
    public static void WriteLevels(Utf8JsonWriter json, IReadOnlyList<LevelRate> levels)
    {
        json.WriteStartArray("levels");
        foreach (var rate in levels)
        {
            json.WriteStartObject();
            InsightJson.Number(json, "inFlight", rate.Level.InFlight);
            InsightJson.Number(json, "seconds", rate.Level.Seconds);
            InsightJson.Number(json, "departures", rate.Level.Departures);
            InsightJson.Number(json, "answers", rate.Level.Answers);
            InsightJson.Number(json, "upstreamSeconds", rate.Level.UpstreamSeconds);
            InsightJson.Number(json, "departuresPerSecond", rate.PerSecond);
            InsightJson.Number(json, "low", rate.Low);
            InsightJson.Number(json, "high", rate.High);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    /// <summary>All routes together over time, and the same as a heat map: requests by row of latency, lowest first.</summary>
    public static void WriteTimeline(Utf8JsonWriter json, Timeline timeline)
    {
        json.WriteStartArray("timeline");
        foreach (var column in timeline.Columns)
        {
            json.WriteStartObject();
            json.WriteString("to", InsightJson.Time(column.To));
            InsightJson.Number(json, "seconds", column.Seconds);
            json.WriteNumber("count", column.Requests);
            json.WriteNumber("errors", column.Errors);
            json.WriteNumber("unanswered", column.Unanswered);
            InsightJson.Number(json, "p50Ms", column.Latency.QuantileMs(0.5));
            InsightJson.Number(json, "p90Ms", column.Latency.QuantileMs(0.9));
            InsightJson.Number(json, "p99Ms", column.Latency.QuantileMs(0.99));
            json.WriteBoolean("clockDisturbed", column.IsDisturbed);
            json.WriteStartArray("heat");
            foreach (long count in timeline.HeatOf(column))
            {
                json.WriteNumberValue(count);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("heatBoundsMs");
        foreach (double bound in timeline.RowBoundsMs)
        {
            json.WriteNumberValue(Math.Round(bound, 4));
        }

        json.WriteEndArray();
    }
}
