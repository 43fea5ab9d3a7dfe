using System.Globalization;
using System.Text.Json;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary><c>snapshot</c> and <c>compare</c> as people and CI jobs run them.</summary>
public sealed class InsightCompareTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(10, 10, 2000, 0, "no-worse")]
    [InlineData(10, 14, 2000, 3, "worse")]
    [InlineData(10, 11, 40, 4, "cannot-tell")]
    public async Task Compare_OfTwoSnapshots_SaysByExitCodeAndJson(double beforeMs, double afterMs, int count, int expected, string change)
    {
        using var folder = new TempFolder();
        await File.WriteAllTextAsync(folder.File("before.json"), Snapshot("00", beforeMs, count), Cancel);
        await File.WriteAllTextAsync(folder.File("after.json"), Snapshot("01", afterMs, count), Cancel);

        var (exitCode, output, errors) = await ProxyProcess.RunAsync(["compare", folder.File("before.json"), folder.File("after.json"), "--json"], Cancel);
        var (tableCode, table, _) = await ProxyProcess.RunAsync(["compare", folder.File("before.json"), folder.File("after.json")], Cancel);

        Assert.Equal((expected, expected), (exitCode, tableCode));
        Assert.Equal("", errors);
        using var json = JsonDocument.Parse(output);
        Assert.Equal(change, json.RootElement.GetProperty("change").GetString());
        Assert.Equal(afterMs - beforeMs, json.RootElement.GetProperty("total").GetProperty("changeMs").GetDouble(), 0.1);
        Assert.Equal(["/rare"], json.RootElement.GetProperty("leftOut").EnumerateArray().Select(route => route.GetString()));
        Assert.Contains("95 % interval", table, StringComparison.Ordinal);
        Assert.Contains("/a ", table, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Snapshot_OfARunningProxy_IsComparedWithItLater()
    {
        await using var backend = new RawBackend(RawBackend.Answering("hello", delayMs: 5));
        await using var proxy = await ProxyProcess.InFrontOfAsync(backend.Port, Cancel);
        var address = $"http://127.0.0.1:{proxy.AdminPort}";
        using var folder = new TempFolder();

        var (exitCode, output, _) = await ProxyProcess.RunAsync(["snapshot", address, "--window", "1h"], Cancel);
        Assert.Equal(0, exitCode);
        await File.WriteAllTextAsync(folder.File("before.json"), output, Cancel);
        var (compared, table, errors) = await ProxyProcess.RunAsync(["compare", folder.File("before.json"), address], Cancel);

        Assert.Equal(4, compared);
        Assert.Contains("Cannot tell", table, StringComparison.Ordinal);
        Assert.Contains("overlap in time", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Snapshot_WithACountBeyondReason_IsNamedWithTheFile()
    {
        using var folder = new TempFolder();
        await File.WriteAllTextAsync(folder.File("before.json"), Snapshot("00", 10, 40), Cancel);
        await File.WriteAllTextAsync(folder.File("after.json"), Snapshot("01", 10, 40).Replace("[2]", "[1e308]", StringComparison.Ordinal), Cancel);

        var (exitCode, output, errors) = await ProxyProcess.RunAsync(["compare", folder.File("before.json"), folder.File("after.json")], Cancel);

        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains("after.json: route \"/rare\": counts has 1e308", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, "nothing.json: cannot be read", "compare", "nothing.json", "nothing.json")]
    [InlineData(1, "cannot be read", "snapshot", "http://127.0.0.1:9")]
    public async Task Source_ThatCannotBeRead_IsNamed(int expected, string message, params string[] arguments)
    {
        var (exitCode, _, errors) = await ProxyProcess.RunAsync(arguments, Cancel);

        Assert.Equal(expected, exitCode);
        Assert.Contains(message, errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("200 OK", "text/html", "<html>shop</html>")]
    [InlineData("200 OK", "application/json", "{\"version\":\"2.1\",\"routes\":{}}")]
    [InlineData("200 OK", "application/json", "[1]")]
    [InlineData("404 Not Found", "text/plain", "no such page")]
    public async Task Snapshot_OfTheTrafficPort_NamesItAndTheAdminPort(string status, string type, string text)
    {
        await using var backend = new RawBackend(RawBackend.Writing($"HTTP/1.1 {status}\r\nContent-Type: {type}\r\nContent-Length: {text.Length}\r\n\r\n{text}"));
        await using var proxy = await ProxyProcess.InFrontOfAsync(backend.Port, Cancel);
        using var folder = new TempFolder();
        await File.WriteAllTextAsync(folder.File("before.json"), Snapshot("00", 10, 40), Cancel);
        var address = $"http://127.0.0.1:{proxy.Port}";

        foreach (string[] command in new string[][] { ["snapshot", address], ["compare", folder.File("before.json"), address] })
        {
            var (exitCode, output, errors) = await ProxyProcess.RunAsync(command, Cancel);

            Assert.Equal((1, ""), (exitCode, output));
            Assert.StartsWith($"{address}/insight.json: ", errors, StringComparison.Ordinal);
            Assert.Contains("name the admin address, like http://localhost:9464", errors, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Window_ThatIsNone_IsSaidByTheProxy()
    {
        await using var proxy = await ProxyProcess.StartAsync(["--upstream", "http://127.0.0.1:9"], Cancel);

        var (exitCode, _, errors) = await ProxyProcess.RunAsync(["snapshot", $"http://127.0.0.1:{proxy.AdminPort}", "--window", "ten"], Cancel);

        Assert.Equal(64, exitCode);
        Assert.Contains("window = \"ten\"", errors, StringComparison.Ordinal);
    }

    // Half of the requests take half of the mean, the others one and a half.
    private static string Snapshot(string hour, double meanMs, int count) => string.Create(CultureInfo.InvariantCulture, $$"""
        { "version": 1, "from": "2026-01-01T{{hour}}:00:00Z", "to": "2026-01-01T{{hour}}:10:00Z", "routes": [
          { "route": "/a", "histogram": { "boundsMs": [{{meanMs * 0.5 / 0.993}}, {{meanMs * 1.5 / 0.993}}], "counts": [{{count / 2}}, {{count / 2}}] } },
          { "route": "/rare", "histogram": { "boundsMs": [1], "counts": [2] } } ] }
        """);
}
