using System.Globalization;
using System.Text.Json;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>The image as a container of a real engine.</summary>
[Collection(DockerTests.Name)]
public sealed class ImageTests(DockerEngine engine)
{
    private const string Image = "timingproxy";
    private const int MaxLayerBytes = 30_000_000;

    private static readonly string[] LockedDown = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--user", "1654"];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Container_WithNoPrivilegeAndNothingToWriteTo_ProxiesIsScrapedAndDrains()
    {
        await engine.StartAsync(Cancel);
        var (port, adminPort) = (FreePort.Next(), FreePort.Next());
        var id = await engine.DockerAsync(
            Cancel,
            ["run", "-d", .. LockedDown, "-p", $"127.0.0.1:{port}:8080", "-p", $"127.0.0.1:{adminPort}:9464", "--health-interval", "1s", "-e", "TIMINGPROXY_HEALTH__DRAINDELAY=3s", Image, "--demo"]);
        try
        {
            await Until.TrueAsync(
                async () => await engine.DockerAsync(Cancel, "inspect", "-f", "{{.State.Health.Status}}", id) == "healthy",
                () => "The container's health check never succeeded.",
                Cancel);

            var answer = await RawClient.GetAsync(port, "/articles/hello", Cancel);
            Assert.Equal(200, answer.Status);
            Assert.True(answer.RenderMs > 0);
            var scrape = new Scrape((await RawClient.GetAsync(adminPort, "/metrics", Cancel)).Text);
            Assert.True(scrape.Sum("timingproxy_upstream_duration_seconds_count", ("route", "/articles/{slug}")) >= 1, scrape.Ours);
            Assert.Equal("ready", await engine.DockerAsync(Cancel, "exec", id, "/app/timingproxy", "health"));

            var stopped = engine.DockerAsync(Cancel, "stop", "-t", "30", id);
            await Until.TrueAsync(
                async () => (await RawClient.GetAsync(adminPort, "/readyz", Cancel)).Status == 503, () => "SIGTERM did not make it unready.", Cancel);
            answer = await RawClient.GetAsync(port, "/articles/hello", Cancel);
            Assert.Equal(200, answer.Status);
            Assert.True(answer.Head.Closes, "An answer during the drain does not say Connection: close.");
            await stopped;
            var (_, output, log) = await engine.TryDockerAsync(Cancel, "logs", id);
            Assert.DoesNotContain(" warn:", output + log, StringComparison.Ordinal);
            Assert.Equal("0", await engine.DockerAsync(Cancel, "inspect", "-f", "{{.State.ExitCode}}", id));
        }
        finally
        {
            await engine.DockerAsync(CancellationToken.None, "rm", "-f", id);
        }
    }

    [Fact]
    public async Task Image_AsBuilt_SaysWhatContainerRuntimesAsk()
    {
        await engine.StartAsync(Cancel);
        using var answer = JsonDocument.Parse(await engine.DockerAsync(Cancel, "image", "inspect", Image));
        var config = answer.RootElement[0].GetProperty("Config");

        Assert.Equal("1654:1654", config.GetProperty("User").GetString());
        Assert.Equal("SIGTERM", config.GetProperty("StopSignal").GetString());
        Assert.Equal(["8080/tcp", "9464/tcp"], config.GetProperty("ExposedPorts").EnumerateObject().Select(port => port.Name).Order());
        Assert.Equal(["CMD", "/app/timingproxy", "health"], config.GetProperty("Healthcheck").GetProperty("Test").EnumerateArray().Select(part => part.GetString()));
        foreach (var label in new[] { "title", "description", "licenses", "version", "revision" })
        {
            Assert.NotEmpty(config.GetProperty("Labels").GetProperty($"org.opencontainers.image.{label}").GetString()!);
        }

        var version = await engine.DockerAsync(Cancel, "run", "--rm", Image, "--version");
        Assert.StartsWith(config.GetProperty("Labels").GetProperty("org.opencontainers.image.version").GetString()!, version, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Image_AsBuilt_AddsOneBinaryAndNoShell()
    {
        await engine.StartAsync(Cancel);
        var history = await engine.DockerAsync(Cancel, "history", "--no-trunc", "--human=false", "--format", "{{.Size}} {{.CreatedBy}}", Image);
        var ours = history.Split('\n').TakeWhile(line => !line.Contains("LABEL org.opencontainers.image.title", StringComparison.Ordinal));
        var bytes = ours.Sum(line => long.Parse(line.Split(' ')[0], CultureInfo.InvariantCulture));
        TestContext.Current.SendDiagnosticMessage($"the layer has {bytes} bytes");
        Assert.InRange(bytes, 1, MaxLayerBytes);

        foreach (var shell in new[] { "/bin/sh", "/bin/bash", "/bin/busybox" })
        {
            var (exitCode, _, errors) = await engine.TryDockerAsync(Cancel, "run", "--rm", "--entrypoint", shell, Image, "-c", "true");
            Assert.True(exitCode == 127, $"{shell}: exit code {exitCode} {errors}");
        }
    }
}
