using System.Text.Json;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>Where the process's own output goes may fill up, close or stop being read; requests must not notice.</summary>
public sealed class OutputFaultTests
{
    private const string Dropped = "timingproxy_accesslog_dropped_total";

    [Fact]
    public async Task AccessLog_OnAFullDisk_DropsAndCountsLinesAndGoesOnWhenThereIsRoom()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var backend = new RawBackend(RawBackend.Answering("hello"));
        using var folder = new TempFolder();
        await using var proxy = await Launch.InOwnMounts($"mount -t tmpfs -o size=16k none {folder.Path}; exec \"$@\" >>{folder.File("log")}")
            .InFrontOfAsync(backend.Port, cancellationToken, ("ACCESSLOG__ENABLED", "true"));
        var log = $"/proc/{proxy.Process.Id}/root{folder.File("log")}";
        await AskUntilAsync(proxy, s => s.Sum(Dropped) > 0, cancellationToken);

        File.WriteAllText(log, "");
        await AskUntilAsync(proxy, _ => File.ReadLines(log).Count() > 3, cancellationToken);

        // The first may be the end of one that the full disk cut short, and the last may be on its way, or cut short in turn.
        var lines = File.ReadAllText(log).Split('\n')[1..^1];
        Assert.NotEmpty(lines);
        Assert.All(lines, line => Assert.Equal(200, JsonDocument.Parse(line).RootElement.GetProperty("status").GetInt32()));
    }

    [Theory]
    [InlineData(">&-")]
    [InlineData("2>&-")]
    [InlineData("<&- >&- 2>&-")]
    public async Task Process_StartedWithClosedStreams_ServesAndWritesIntoNoConnection(string redirections)
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var backend = new RawBackend(RawBackend.Answering("hello"));
        await using var proxy = await Launch.InShell($"exec \"$@\" {redirections}").InFrontOfAsync(backend.Port, cancellationToken, ("ACCESSLOG__ENABLED", "true"));
        await using var client = await RawClient.ConnectAsync(proxy.Port, cancellationToken);

        for (var i = 0; i < 20; i++)
        {
            // Every second one makes the proxy complain on stderr.
            backend.Behaviour = i % 2 == 0 ? RawBackend.Answering("hello") : RawBackend.Reset;
            await client.SendAsync(System.Text.Encoding.ASCII.GetBytes(RawClient.Get("/")), cancellationToken);
            Assert.Equal(i % 2 == 0 ? 200 : 502, (await client.ReceiveAsync(cancellationToken)).Status);
        }

        if (redirections.Contains('>', StringComparison.Ordinal) && redirections != "2>&-")
        {
            await proxy.ScrapeUntilAsync(s => s.Sum(Dropped) >= 19, "the lines that had nowhere to go", cancellationToken);
        }

        Assert.False(client.ClosedByPeer);
    }

    /// <summary>A container's log driver that hangs: the pipe is full after 64 KB, the logger's own queue after 2,500 lines.</summary>
    [Fact]
    public async Task Errors_ThatNobodyReads_DoNotHoldUpRequests()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var backend = new RawBackend(RawBackend.Reset);
        using var folder = new TempFolder();
        await using var proxy = await Launch.InShell($"mkfifo {folder.File("pipe")}; exec \"$@\" 2<>{folder.File("pipe")}").InFrontOfAsync(backend.Port, cancellationToken);
        await using var client = await RawClient.ConnectAsync(proxy.Port, cancellationToken);
        var request = System.Text.Encoding.ASCII.GetBytes(RawClient.Get("/" + new string('x', 200)));
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(90));

        for (var i = 0; i < 4000; i++)
        {
            await client.SendAsync(request, limit.Token);
            Assert.Equal(502, (await client.ReceiveAsync(limit.Token)).Status);
        }

        backend.Behaviour = RawBackend.Answering("hello");
        Assert.Equal("hello", (await proxy.GetAsync("/", limit.Token)).Text);
    }

    private static async Task AskUntilAsync(ProxyProcess proxy, Func<Scrape, bool> condition, CancellationToken cancellationToken) =>
        await Until.TrueAsync(
            async () =>
            {
                for (var i = 0; i < 20; i++)
                {
                    Assert.Equal(200, (await proxy.GetAsync("/some/path", cancellationToken)).Status);
                }

                return condition(await proxy.ScrapeAsync(cancellationToken));
            },
            () => $"{proxy.Process.Story}",
            cancellationToken);
}
