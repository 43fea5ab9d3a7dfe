using System.Globalization;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd.Lab;

/// <summary>
/// The app's own figure against the proxy's, request by request. What lies between the two is the server, the socket, the queue and the
/// framework outside the timing middleware; it can be anything, but never less than nothing.
/// </summary>
public sealed class AgreementTests
{
    private const int Many = 20;

    private static readonly string[] Views = ["fast", "sleep", "cpu", "stream", "articles"];

    private static readonly (string Server, string Middleware)[] Stacks =
    [
        ("gunicorn", "sync-timing"),
        ("gunicorn", "async-timing"),
        ("uvicorn", "sync-timing"),
        ("uvicorn", "async-timing"),
        ("uvicorn", "async-timing,sync-only,async-only"),
        ("uvicorn", "sync-only,async-timing"),
        ("uvicorn", "async-timing,sync-only"),
    ];

    [Fact]
    public async Task ProxysFigure_InEveryStack_IsNeverBelowTheApps()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        // The short form asks for both forms of each view in one go.
        string[] syncViews = [.. Views.Select(view => $"/{view}")];
        string[] asyncViews = [.. Views.Select(view => $"/async/{view}")];
        (string Form, string[] Targets)[] forms = LabRun.IsFull ? [("sync", syncViews), ("async", asyncViews)] : [("both", [.. syncViews, .. asyncViews])];
        var requests = LabRun.Size(inShort: 30, inFull: 1000);
        var rows = new List<string[]>();
        await Parallel.ForEachAsync(Stacks, new ParallelOptions { MaxDegreeOfParallelism = 2, CancellationToken = cancellationToken }, async (stack, token) =>
        {
            await using var app = await DjangoApp.StartAsync(stack.Server, token, stack.Middleware, workers: 2);
            foreach (var (form, targets) in forms)
            {
                var one = await Agreement.MeasureAsync(app.Port, targets, requests, 1, token);
                var many = await Agreement.MeasureAsync(app.Port, targets, requests, Many, token);
                lock (rows)
                {
                    rows.Add([stack.Server, stack.Middleware, form, .. one.Cells, .. many.Cells]);
                }
            }
        });
        await new ResultsFile("agreement", typeof(AgreementTests).FullName!)
            .Line(string.Create(CultureInfo.InvariantCulture, $"{requests} requests in each cell, going round the views {string.Join(", ", Views)}; gunicorn with 2 workers, uvicorn with one process. Least, p50 and p99 of the proxy's figure less the app's own, in ms."))
            .Line("")
            .Table(["server", "stack, outermost first", "views", "least at 1", "p50", "p99", $"least at {Many}", "p50", "p99"], rows.OrderBy(r => Array.FindIndex(Stacks, s => s.Server == r[0] && s.Middleware == r[1])).ThenByDescending(r => r[2], StringComparer.Ordinal))
            .WriteAsync(cancellationToken);
    }
}
