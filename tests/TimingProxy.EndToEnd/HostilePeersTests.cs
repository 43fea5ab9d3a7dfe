using System.Globalization;
using TimingProxy.EndToEnd.Fixtures;
using TimingProxy.Hostile;

namespace TimingProxy.EndToEnd;

/// <summary>
/// What gunicorn and uvicorn make of those bytes of the hostile corpus that get through the proxy: one request, with the method and target that
/// the proxy saw. None of the others gets to them.
/// </summary>
public sealed class HostilePeersTests
{
    [Theory]
    [InlineData("gunicorn", "echo:application")]
    [InlineData("uvicorn", "echo:asgi")]
    public async Task Bytes_ThatGotThrough_AreOneRequestToTheApp(string server, string app)
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var peer = await StartAsync(server, app, cancellationToken);
        await using var proxy = await ProxyProcess.InFrontOfAsync(peer.Port, cancellationToken);
        var last = await CountAsync(proxy.Port, cancellationToken);

        foreach (var hostile in HostileRequests.All)
        {
            RawResponse? answer = null;
            if (hostile.Status != 0)
            {
                answer = await RawClient.OnceAsync(proxy.Port, hostile.Bytes, cancellationToken);
            }

            // Whatever else had reached the app would have been counted by now: it works on one connection's bytes in order.
            var now = await CountAsync(proxy.Port, cancellationToken);
            var requests = now - last - 1;
            last = now;
            if (hostile.Reach == Reach.Whole)
            {
                // The app may be stricter still.
                Assert.True(answer!.Status is 200 or 400 or 417, $"{hostile.Name}: {answer.Status} {answer.Text}");
                Assert.True(requests == (answer.Status == 200 ? 1 : 0), $"{hostile.Name}: the app saw {requests} requests.");
            }
            else
            {
                Assert.True(requests == 0, $"{hostile.Name}: the app saw {requests} requests.");
                Assert.Equal(hostile.Status, answer?.Status ?? 0);
            }
        }
    }

    private static async Task<int> CountAsync(int port, CancellationToken cancellationToken)
    {
        var answer = await RawClient.GetAsync(port, "/count", cancellationToken);
        Assert.Equal(200, answer.Status);
        Assert.EndsWith(" GET /count 0", answer.Text, StringComparison.Ordinal);
        return int.Parse(answer.Text.Split(' ')[0], CultureInfo.InvariantCulture);
    }

    /// <summary>One worker, so that there is one count.</summary>
    private static async Task<OtherApp> StartAsync(string server, string app, CancellationToken cancellationToken)
    {
        var python = await Peers.PythonAsync(server, server == "gunicorn" ? "gunicorn" : "python3-uvicorn", cancellationToken);
        var port = FreePort.Next();
        string[] command = server == "gunicorn"
            ? ["-m", "gunicorn", "--workers", "1", "--bind", $"127.0.0.1:{port}", app]
            : ["-m", "uvicorn", "--host", "127.0.0.1", "--port", $"{port}", "--lifespan", "off", "--no-access-log", app];
        var environment = new Dictionary<string, string?> { ["PYTHONDONTWRITEBYTECODE"] = "1" };
        var process = ProcessRunner.Start(
            python, command, environment, Path.Combine(Peers.Repository, "tests", "TimingProxy.EndToEnd", "Fixtures"));
        return await OtherApp.StartAsync(process, port, "/count", cancellationToken);
    }
}
