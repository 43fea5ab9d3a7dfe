using System.Net;
using System.Net.Sockets;
using System.Text;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>A backend that dies under load, breaks off anywhere in its answer, or takes connections and nothing else.</summary>
public sealed class BackendFaultTests
{
    private const string Failures = "timingproxy_request_failures_total";
    private static readonly TimeProvider Time = TimeProvider.System;

    [Fact]
    public async Task Backend_KilledAndRestartedUnderLoad_CostsOnlyAnswersOf502AndIsUsedAgainAtOnce()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var backend = await Nginx.AnsweringAsync("hello", cancellationToken);
        await using var proxy = await ProxyProcess.InFrontOfAsync(backend.Port, cancellationToken);
        await using var load = new SteadyLoad(proxy.Port, keptConnections: 4, newConnections: 1);
        var down = new List<(long From, long Until)>();
        for (var kill = 0; kill < 3; kill++)
        {
            await load.AnsweredMoreAsync(200, cancellationToken);
            var from = Time.GetTimestamp();
            await backend.KillAsync(cancellationToken);
            await load.FailedOnceMoreAsync(cancellationToken);
            await backend.RestartAsync(cancellationToken);
            down.Add((from, Time.GetTimestamp()));
        }

        await load.AnsweredMoreAsync(200, cancellationToken);
        var failed = (await load.StopAsync()).Where(a => a.Outcome != Outcome.Answered).ToArray();

        Assert.NotEmpty(failed);
        // A request is noted when it was sent; one that was under way when the backend died was sent a moment before, which is long where we stall.
        var moment = 2 * Time.TimestampFrequency;
        var undue = failed.Where(a => !a.What.StartsWith("HTTP/1.1 502", StringComparison.Ordinal)
            || !down.Exists(d => a.At >= d.From - moment && a.At <= d.Until + moment)).ToArray();
        Assert.True(undue.Length == 0, $"{undue.Length} of {failed.Length}:\n{string.Join('\n', undue.Take(10))}");
        var scrape = await proxy.ScrapeUntilAsync(s => s.Sum(Failures) >= failed.Length, "all failures", cancellationToken);
        Assert.Equal(failed.Length, scrape.Sum(Failures, ("error_type", "connect")) + scrape.Sum(Failures, ("error_type", "reset")));
        Assert.Equal(failed.Length, scrape.Sum(Failures));
    }

    [Theory]
    [InlineData(1, "reset")]
    [InlineData(9, "reset")]
    [InlineData(30, "reset")]
    [InlineData(41, "body")]
    [InlineData(541, "body")]
    [InlineData(1040, "body")]
    public async Task Backend_ResettingAfterSoManyBytes_IsNeverTakenForAnAnswer(int bytes, string errorType)
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        // 41 bytes of head and 1,000 of body.
        var answer = Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{new string('x', 1000)}");
        await using var backend = new RawBackend(async (_, connection, token) =>
        {
            await connection.SendAsync(answer.AsMemory(0, bytes), token);
            connection.LingerState = new LingerOption(enable: true, seconds: 0);
            return false;
        });
        await using var proxy = await ProxyProcess.InFrontOfAsync(backend.Port, cancellationToken);

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 20).Select(async _ =>
        {
            try
            {
                return (await proxy.GetAsync("/", cancellationToken)).Status;
            }
            catch (IOException)
            {
                return 0;
            }
        }));

        // Where nothing of the answer has been passed on yet, the client can still be told.
        Assert.All(outcomes, status => Assert.True(status == 502 || (status == 0 && errorType == "body"), $"The client got {status}."));
        var scrape = await proxy.ScrapeUntilAsync(s => s.Sum(Failures) >= 20, "all failures", cancellationToken);
        Assert.Equal((20, 20), (scrape.Sum(Failures), scrape.Sum(Failures, ("error_type", errorType))));
        backend.Behaviour = RawBackend.Answering("well");
        Assert.Equal("well", (await proxy.GetAsync("/", cancellationToken)).Text);
    }

    /// <summary>The system takes the connections of a listener that nobody accepts from, until its queue is full; then not even that.</summary>
    [Theory]
    [InlineData(8, "a request that nobody reads")]
    [InlineData(0, "a connection that does not come about")]
    public async Task Backend_ThatNeverAccepts_IsTimedOut(int queue, string what)
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, FreePort.Next()));
        listener.Listen(queue);
        var port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        // The queue holds one more than it is asked to.
        await using var first = queue == 0 ? await RawClient.ConnectAsync(port, cancellationToken) : null;
        await using var proxy = await ProxyProcess.InFrontOfAsync(port, cancellationToken, ("UPSTREAM__TIMEOUT", "400ms"), ("UPSTREAM__CONNECTTIMEOUT", "400ms"));

        var answer = await proxy.GetAsync("/", cancellationToken);

        Assert.True(answer.Status == 504, $"{answer.Head.StartLine} to {what}: {answer.Text}");
        Assert.InRange(answer.RenderMs, 390, 2000);
        await proxy.ScrapeUntilAsync(s => s.Sum(Failures, ("error_type", "timeout")) == 1, "the timeout", cancellationToken);
    }
}
