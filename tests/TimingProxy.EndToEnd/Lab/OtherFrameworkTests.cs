using System.Globalization;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd.Lab;

/// <summary>The same agreement with apps that have nothing to do with Django, and that report their time in other ways.</summary>
public sealed class OtherFrameworkTests
{
    private const int Many = 20;

    [Fact]
    public async Task ProxysFigure_OfOtherFrameworks_IsNeverBelowTheApps()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var requests = LabRun.Size(inShort: 60, inFull: 1000);
        await using var node = await OtherApp.StartNodeAsync(cancellationToken);
        await using var closing = await OtherApp.StartClosingAsync(cancellationToken);
        var rows = new List<string[]>();
        foreach (var (name, figure, port, targets) in ((string, string, int, string[])[])
        [
            ("Node.js, keep-alive", "`X-Response-Time`", node.Port, ["/fast", "/sleep", "/cpu", "/stream"]),
            ("Python's http.server, HTTP/1.0, closes after each answer", "`X-Runtime`", closing.Port, ["/fast", "/sleep", "/cpu"]),
        ])
        {
            var one = await Agreement.MeasureAsync(port, targets, requests, 1, cancellationToken);
            var many = await Agreement.MeasureAsync(port, targets, requests, Many, cancellationToken);
            rows.Add([name, figure, .. one.Cells, .. many.Cells]);
        }

        await new ResultsFile("others", typeof(OtherFrameworkTests).FullName!)
            .Line(string.Create(CultureInfo.InvariantCulture, $"{requests} requests in each cell, going round the app's views. Least, p50 and p99 of the proxy's figure less the app's own, in ms."))
            .Line("")
            .Table(["app", "reports in", "least at 1", "p50", "p99", $"least at {Many}", "p50", "p99"], rows)
            .WriteAsync(cancellationToken);
    }
}
