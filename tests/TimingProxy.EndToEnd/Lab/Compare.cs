using System.Globalization;
using System.Text.Json;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd.Lab;

/// <summary>What <c>timingproxy compare</c> makes of two snapshots.</summary>
/// <param name="Table">What it prints for people.</param>
public sealed record Compare(int ExitCode, string Table, double BeforeMs, double AfterMs, double ChangeMs, double LowMs, double HighMs)
{
    public const int NoWorse = 0;
    public const int Worse = 3;

    public string ChangeText => string.Create(CultureInfo.InvariantCulture, $"{ChangeMs:+0.00;-0.00} ({LowMs:+0.00;-0.00} … {HighMs:+0.00;-0.00})");

    /// <summary>Compares two snapshots in total, or by one route.</summary>
    public static async Task<Compare> RunAsync(InsightData before, InsightData after, CancellationToken cancellationToken, string? route = null)
    {
        using var folder = new TempFolder();
        string[] files = [folder.File("before.json"), folder.File("after.json")];
        await File.WriteAllTextAsync(files[0], before.Text, cancellationToken);
        await File.WriteAllTextAsync(files[1], after.Text, cancellationToken);
        var (exitCode, table, errors) = await ProxyProcess.RunAsync(["compare", .. files], cancellationToken);
        Assert.True(exitCode is 0 or 3 or 4, $"compare exited with {exitCode}: {errors}");
        var (_, json, _) = await ProxyProcess.RunAsync(["compare", .. files, "--json"], cancellationToken);
        using var document = JsonDocument.Parse(json);
        var difference = route is null
            ? document.RootElement.GetProperty("total")
            : document.RootElement.GetProperty("routes").EnumerateArray().Single(r => r.GetProperty("route").GetString() == route).GetProperty("difference");
        double Number(string name) => difference.GetProperty(name).GetDouble();
        return new Compare(exitCode, table, Number("beforeMs"), Number("afterMs"), Number("changeMs"), Number("lowMs"), Number("highMs"));
    }
}
