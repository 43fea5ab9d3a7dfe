using System.Globalization;
using System.Text.Json;

namespace TimingProxy.Insight;

/// <summary>The report as versioned JSON: fields may be added, none is renamed.</summary>
internal static class InsightJson
{
    public const int Version = 1;

    /// <param name="withHistograms">Whether routes come with their histograms: the page has no use for them, and they are most of the bytes.</param>
    public static void Write(Utf8JsonWriter json, InsightReport report, InsightState state, bool withHistograms = true)
    {
        json.WriteStartObject();
        json.WriteNumber("version", Version);
        json.WriteString("from", Time(report.From));
        json.WriteString("to", Time(report.To));
        json.WriteNumber("inFlight", report.InFlight);
        WriteVerdict(json, report);
        json.WriteStartObject("total");
        WriteFigures(json, report.Total);
        json.WriteEndObject();
        json.WriteStartArray("routes");
        foreach (var route in report.Routes)
        {
            WriteRoute(json, route, report.Timeline, withHistograms);
        }

        json.WriteEndArray();
        PictureJson.WriteLevels(json, report.Levels);
        PictureJson.WriteTimeline(json, report.Timeline);
        WriteState(json, report, state);
        json.WriteEndObject();
    }

    private static void WriteVerdict(Utf8JsonWriter json, InsightReport report)
    {
        var verdict = report.Verdict;
        json.WriteStartObject("verdict");
        json.WriteString("kind", verdict.Kind switch
        {
            VerdictKind.ConcurrencyLimited => "concurrency-limited",
            VerdictKind.ServiceTimeBound => "service-time-bound",
            _ => "not-enough-data",
        });
        if (verdict.Limit is { } limit)
        {
            json.WriteStartObject("limit");
            Number(json, "estimate", limit.Estimate);
            Number(json, "low", limit.Low);
            Number(json, "high", limit.High);
            json.WriteEndObject();
        }
        else
        {
            json.WriteNull("limit");
        }

        Number(json, "waitingShare", verdict.WaitingShare);
        Number(json, "seenUpTo", verdict.SeenUpTo);
        WriteQuantiles(json, "withOneMore", report.WithOneMore);
        WriteQuantiles(json, "withDouble", report.WithDouble);
        if (report.DeparturesEach is { } each)
        {
            Number(json, "departuresEach", each);
        }
        else
        {
            json.WriteNull("departuresEach");
        }

        WriteOpinion(json, report);
        json.WriteString("sentence", report.Sentence);
        json.WriteString("missing", verdict.Missing);
        json.WriteEndObject();
    }

    /// <summary>What the app's own figures say of the verdict; null where there are too few.</summary>
    private static void WriteOpinion(Utf8JsonWriter json, InsightReport report)
    {
        var app = report.Total.App;
        if (app.OpinionOn(report.Verdict) is not { } opinion)
        {
            json.WriteNull("appReported");
            return;
        }

        json.WriteStartObject("appReported");
        json.WriteNumber("answers", app.Answers);
        Number(json, "outsideShare", app.OutsideShare);
        if (opinion.Agrees is { } agrees)
        {
            json.WriteBoolean("agrees", agrees);
        }
        else
        {
            json.WriteNull("agrees");
        }

        json.WriteString("sentence", opinion.Sentence);
        json.WriteEndObject();
    }

    private static void WriteQuantiles(Utf8JsonWriter json, string name, Quantiles? quantiles)
    {
        if (quantiles is not { } value)
        {
            json.WriteNull(name);
            return;
        }

        json.WriteStartObject(name);
        Number(json, "p50Ms", value.P50Ms);
        Number(json, "p99Ms", value.P99Ms);
        json.WriteEndObject();
    }

    private static void WriteRoute(Utf8JsonWriter json, RouteSummary route, Timeline timeline, bool withHistogram)
    {
        json.WriteStartObject();
        json.WriteString("route", route.Route);
        WriteFigures(json, route);
        Number(json, "upstreamShare", route.UpstreamShare);
        Number(json, "freedByHalving", route.FreedByHalving);
        WriteAppTime(json, route.App);
        json.WriteStartArray("trendP50Ms");
        foreach (double? median in timeline.TrendOf(route.Route))
        {
            if (median is { } value)
            {
                json.WriteNumberValue(Math.Round(value, 2));
            }
            else
            {
                json.WriteNullValue();
            }
        }

        json.WriteEndArray();
        if (withHistogram)
        {
            WriteHistogram(json, route.Latency);
        }

        json.WriteEndObject();
    }

    private static void WriteFigures(Utf8JsonWriter json, RouteSummary route)
    {
        json.WriteNumber("count", route.Requests);
        Number(json, "ratePerSecond", route.RatePerSecond);
        Number(json, "p50Ms", route.Latency.QuantileMs(0.5));
        Number(json, "p90Ms", route.Latency.QuantileMs(0.9));
        Number(json, "p99Ms", route.Latency.QuantileMs(0.99));
        Number(json, "errorShare", route.ErrorShare);
        Number(json, "upstreamSeconds", route.UpstreamSeconds);
    }

    /// <summary>Means by answer, of the answers that came with the app's own figure; null where none did.</summary>
    private static void WriteAppTime(Utf8JsonWriter json, AppTime app)
    {
        if (app.Answers == 0)
        {
            json.WriteNull("appReported");
            return;
        }

        json.WriteStartObject("appReported");
        json.WriteNumber("answers", app.Answers);
        Number(json, "appMs", 1000 * app.Seconds / app.Answers);
        Number(json, "outsideMs", 1000 * app.OutsideSeconds / app.Answers);
        json.WriteEndObject();
    }

    /// <summary>Buckets that hold something; each is at most 1.6 % wide below its bound.</summary>
    private static void WriteHistogram(Utf8JsonWriter json, LatencyHistogram latency)
    {
        json.WriteStartObject("histogram");
        json.WriteStartArray("boundsMs");
        foreach (var (bucket, _) in latency.NonEmpty())
        {
            json.WriteNumberValue(Math.Round(LatencyBuckets.UpperMs(bucket), 4));
        }

        json.WriteEndArray();
        json.WriteStartArray("counts");
        foreach (var (_, count) in latency.NonEmpty())
        {
            json.WriteNumberValue(count);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteState(Utf8JsonWriter json, InsightReport report, InsightState state)
    {
        json.WriteStartObject("state");
        json.WriteString("version", state.Version);
        json.WriteString("notReady", state.WhyNotReady());
        json.WriteBoolean("lastReloadSuccessful", state.LastReloadSuccessful());
        json.WriteString("lastReload", Time(state.LastReload()));
        Number(json, "clockDisturbedShare", report.ClockDisturbedShare);
        json.WriteStartArray("clusters");
        foreach (var cluster in state.Loads.All)
        {
            json.WriteStartObject();
            json.WriteString("cluster", cluster.Cluster);
            json.WriteNumber("activeRequests", cluster.ActiveRequests);
            json.WriteNumber("upgradedConnections", cluster.UpgradedConnections);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    public static void Number(Utf8JsonWriter json, string name, double value) => json.WriteNumber(name, Math.Round(value, 6));

    public static string Time(DateTimeOffset time) => time.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
