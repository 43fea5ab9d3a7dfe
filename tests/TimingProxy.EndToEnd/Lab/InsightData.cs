using System.Globalization;
using System.Text.Json;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd.Lab;

/// <summary>What the laboratory reads of <c>/insight.json</c>.</summary>
public sealed class InsightData
{
    // A route's figures are stored when their window of ten seconds ends.
    private static readonly TimeSpan WindowLimit = TimeSpan.FromSeconds(15);

    private InsightData(string text) => Text = text;

    public string Text { get; }

    public JsonElement Root => JsonDocument.Parse(Text).RootElement;

    public string Verdict => Root.GetProperty("verdict").GetProperty("kind").GetString()!;

    public string Sentence => Root.GetProperty("verdict").GetProperty("sentence").GetString()!;

    /// <summary>W, and the 95 % interval that it is in; only where the verdict is that there is a limit.</summary>
    public (double Estimate, double Low, double High) Limit
    {
        get
        {
            var limit = Root.GetProperty("verdict").GetProperty("limit");
            return (limit.GetProperty("estimate").GetDouble(), limit.GetProperty("low").GetDouble(), limit.GetProperty("high").GetDouble());
        }
    }

    /// <summary>The same for a table; empty where there is no limit.</summary>
    public string LimitText => Verdict == "concurrency-limited"
        ? string.Create(CultureInfo.InvariantCulture, $"{Limit.Estimate:0.0} ({Limit.Low:0.0} … {Limit.High:0.0})")
        : "";

    /// <summary>Where most upstream time goes.</summary>
    public JsonElement FirstRoute => Root.GetProperty("routes")[0];

    public int Count => Root.GetProperty("routes").EnumerateArray().Sum(r => r.GetProperty("count").GetInt32());

    /// <summary>What the verdict says that twice as many workers would give.</summary>
    public (double P50, double P99) WithDouble
    {
        get
        {
            var quantiles = Root.GetProperty("verdict").GetProperty("withDouble");
            return (quantiles.GetProperty("p50Ms").GetDouble(), quantiles.GetProperty("p99Ms").GetDouble());
        }
    }

    public JsonElement Route(string route)
    {
        var found = Root.GetProperty("routes").EnumerateArray().FirstOrDefault(r => r.GetProperty("route").GetString() == route);
        Assert.True(found.ValueKind == JsonValueKind.Object, $"There is no route {route} in {Text}");
        return found;
    }

    public static async Task<InsightData> ReadAsync(ProxyProcess proxy, CancellationToken cancellationToken) =>
        new((await proxy.AdminAsync("/insight.json", cancellationToken)).Text);

    /// <summary>Reads once that many requests are on the page.</summary>
    public static async Task<InsightData> OfAsync(ProxyProcess proxy, int requests, CancellationToken cancellationToken)
    {
        InsightData? data = null;
        await Until.TrueAsync(
            async () => (data = await ReadAsync(proxy, cancellationToken)).Count >= requests,
            () => $"Of {requests} requests the page never showed more than {data?.Count}.",
            cancellationToken,
            WindowLimit);
        return data!;
    }
}
