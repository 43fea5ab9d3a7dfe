using System.Text.Json;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>deploy/compose as containers of a real engine: all but Grafana, which Debian does not have.</summary>
[Collection(DockerTests.Name)]
public sealed class ComposeTests(DockerEngine engine)
{
    private static readonly HttpClient Client = new();
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(40);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Tour_AsComposed_ProxiesTheAppAndFeedsPrometheus()
    {
        await engine.StartAsync(Cancel);
        var ports = Ports("tour");
        try
        {
            await engine.ComposeAsync(ports, Cancel, "-f", "compose.yaml", "up", "-d", "--no-build", "app", "proxy", "visitors", "prometheus");
            await AnswersThroughTheProxyAsync(ports);

            // The app listens on loopback of the shared namespace only, and is published nowhere.
            Assert.Equal("", (await engine.ComposeAsync(ports, Cancel, "-f", "compose.yaml", "ps", "-q", "grafana")).Trim());
            await Until.TrueAsync(async () => await ScrapedAsync(ports), () => "Prometheus never computed a median from what it scraped.", Cancel, StartLimit);
            using var rules = JsonDocument.Parse(await Client.GetStringAsync($"http://127.0.0.1:{ports["PROMETHEUS_PORT"]}/api/v1/rules", Cancel));
            var loaded = rules.RootElement.GetProperty("data").GetProperty("groups").EnumerateArray().Select(group => group.GetProperty("name").GetString());
            Assert.Contains("timingproxy-objective", loaded);

            await engine.ComposeAsync(ports, Cancel, "-f", "compose.yaml", "stop", "-t", "30", "proxy");
            var proxy = (await engine.ComposeAsync(ports, Cancel, "-f", "compose.yaml", "ps", "-q", "proxy")).Trim();
            Assert.Equal("0", await engine.DockerAsync(Cancel, "inspect", "-f", "{{.State.ExitCode}}", proxy));
        }
        finally
        {
            await engine.ComposeAsync(ports, CancellationToken.None, "-f", "compose.yaml", "down", "-t", "1");
        }
    }

    [Fact]
    public async Task Beside_AsComposed_ProxiesTheAppOverTheNetwork()
    {
        await engine.StartAsync(Cancel);
        var ports = Ports("beside");
        try
        {
            await engine.ComposeAsync(ports, Cancel, "-f", "beside.yaml", "up", "-d", "--no-build");
            await AnswersThroughTheProxyAsync(ports);
        }
        finally
        {
            await engine.ComposeAsync(ports, CancellationToken.None, "-f", "beside.yaml", "down", "-t", "1");
        }
    }

    [Theory]
    [InlineData("compose.yaml")]
    [InlineData("beside.yaml")]
    public async Task ComposeFile_AsWritten_IsValidAndMountsWhatIsThere(string file)
    {
        var folder = Path.Combine(Peers.Repository, "deploy", "compose");
        var (exitCode, output, errors) = await ProcessRunner.RunAsync(
            Peers.Tool("docker-compose", "docker-compose"), ["-f", file, "config"], Cancel, workingDirectory: folder);

        Assert.True(exitCode == 0, errors);
        var mounts = output.Split('\n').Select(line => line.Trim()).Where(line => line.StartsWith("- /", StringComparison.Ordinal) && line.EndsWith(":ro", StringComparison.Ordinal)).ToList();
        Assert.All(mounts, mount => Assert.True(Path.Exists(mount[2..].Split(':')[0]), $"{mount} is not there"));
    }

    [Fact]
    public async Task Example_OfThePage_IsValid()
    {
        using var folder = new TempFolder();
        await File.WriteAllTextAsync(folder.File("compose.yaml"), MarkdownPage.Read("docs/docker.md").FileNamed("compose.yaml"), Cancel);

        var (exitCode, output, errors) = await ProcessRunner.RunAsync(
            Peers.Tool("docker-compose", "docker-compose"), ["-f", folder.File("compose.yaml"), "config"], Cancel, workingDirectory: folder.Path);

        Assert.True(exitCode == 0, errors);
        Assert.Contains("TIMINGPROXY_UPSTREAM: http://app:3000", output, StringComparison.Ordinal);
    }

    private static async Task AnswersThroughTheProxyAsync(Dictionary<string, string?> ports)
    {
        var port = int.Parse(ports["TRAFFIC_PORT"]!, System.Globalization.CultureInfo.InvariantCulture);
        RawResponse? answer = null;
        await Until.TrueAsync(
            async () =>
            {
                try
                {
                    answer = await RawClient.GetAsync(port, "/articles/7", Cancel, host: "localhost");
                    return answer.Status == 200;
                }
                catch (Exception error) when (error is IOException or System.Net.Sockets.SocketException)
                {
                    // The container's port is there before its listener is.
                    return false;
                }
            },
            () => $"The app never answered through the proxy: {answer?.Head.StartLine} {answer?.Text}",
            Cancel,
            StartLimit);
        Assert.Contains("Article 7", answer!.Text, StringComparison.Ordinal);
        Assert.True(answer.RenderMs > 0);
        Assert.Equal("ready", (await Client.GetStringAsync($"http://127.0.0.1:{ports["ADMIN_PORT"]}/readyz", Cancel)).Trim());
    }

    private static async Task<bool> ScrapedAsync(Dictionary<string, string?> ports)
    {
        try
        {
            var answer = await Client.GetStringAsync(
                $"http://127.0.0.1:{ports["PROMETHEUS_PORT"]}/api/v1/query?query=job:timingproxy_upstream_duration_seconds:p50_5m%20%3E%200", Cancel);
            return answer.Contains("\"job\":\"legacy\"", StringComparison.Ordinal);
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private static Dictionary<string, string?> Ports(string project) => new()
    {
        ["COMPOSE_PROJECT_NAME"] = $"timingproxy-{project}",
        ["TRAFFIC_PORT"] = $"{FreePort.Next()}",
        ["ADMIN_PORT"] = $"{FreePort.Next()}",
        ["PROMETHEUS_PORT"] = $"{FreePort.Next()}",
        ["GRAFANA_PORT"] = $"{FreePort.Next()}",
    };
}
