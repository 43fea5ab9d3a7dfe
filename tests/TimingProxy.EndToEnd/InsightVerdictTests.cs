using System.Text.Json;
using Microsoft.Playwright;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>The verdict on real servers with a known limit, from real traffic through the real proxy.</summary>
[Collection(LimitedBackendsTests.Name)]
public sealed class InsightVerdictTests(LimitedBackends backends, ITestOutputHelper output)
{
    private const double MostDisturbed = 0.2;

    public static TheoryData<string> Limited => [.. LimitedBackends.All.Where(backend => backend.Workers is not null).Select(backend => backend.Name)];

    [Theory]
    [MemberData(nameof(Limited))]
    public async Task Workers_OfARealBackend_AreCounted(string name)
    {
        var (backend, verdict, isCalm) = await JudgeAsync(name);
        var kind = verdict.GetProperty("kind").GetString();
        if (!isCalm && kind == "not-enough-data")
        {
            return;
        }

        Assert.Equal("concurrency-limited", kind);
        var limit = verdict.GetProperty("limit");
        int workers = backend.Workers!.Value;
        // A 95 % interval misses now and then, by little.
        Assert.InRange(limit.GetProperty("low").GetDouble(), 1, workers * 1.15);
        Assert.InRange(limit.GetProperty("high").GetDouble(), workers * 0.85, double.PositiveInfinity);
        if (isCalm)
        {
            Assert.InRange(limit.GetProperty("estimate").GetDouble(), workers * 0.75, (workers * 1.35) + 0.25);
        }
    }

    [Fact]
    public async Task AsyncView_IsServiceTimeBound()
    {
        var (_, verdict, isCalm) = await JudgeAsync("uvicorn, async view");

        Assert.NotEqual("concurrency-limited", verdict.GetProperty("kind").GetString());
        if (isCalm)
        {
            Assert.Equal("service-time-bound", verdict.GetProperty("kind").GetString());
        }
    }

    [Fact]
    public async Task SlowDependency_IsNoLimit()
    {
        var (_, verdict, _) = await JudgeAsync("uvicorn, async view with a dependency that gets slow");

        Assert.NotEqual("concurrency-limited", verdict.GetProperty("kind").GetString());
    }

    /// <summary>What the CI run keeps for people to look at.</summary>
    [Theory]
    [InlineData("gunicorn, 2 sync workers", "limited")]
    [InlineData("uvicorn, async view", "free")]
    public async Task Pictures_OfTheVerdicts_AreKept(string name, string file)
    {
        var (_, verdict, _) = await JudgeAsync(name);
        var (_, proxy, _) = await backends.GetAsync(name, TestContext.Current.CancellationToken);
        await using var browser = await Browser.StartAsync();
        foreach (var (width, height, device) in ((int, int, string)[])[(1280, 900, "desktop"), (390, 844, "phone")])
        {
            foreach (var scheme in (ColorScheme[])[ColorScheme.Light, ColorScheme.Dark])
            {
                await using var opened = await browser.OpenAsync(proxy, width, height, scheme);
                Assert.Equal(verdict.GetProperty("kind").GetString(), await opened.Page.TextContentAsync("#kind"));
                Assert.NotEqual(0, await opened.Page.Locator("#levels .point").CountAsync());
                await opened.KeepPictureAsync($"insight-{file}-{device}-{scheme}");
                Assert.Empty(opened.Complaints);
            }
        }
    }

    /// <summary>
    /// The verdict, and whether the proxy's own clock was undisturbed: where other work takes the processors away, the backends really do
    /// slow down with the load, and all that can be asked for is that nothing false is said.
    /// </summary>
    private async Task<(LimitedBackend Backend, JsonElement Verdict, bool IsCalm)> JudgeAsync(string name)
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var (backend, proxy, answers) = await backends.GetAsync(name, cancellationToken);
        var answer = await proxy.AdminAsync("/insight.json", cancellationToken);
        var data = JsonDocument.Parse(answer.Text).RootElement;
        var verdict = data.GetProperty("verdict");
        double disturbed = data.GetProperty("state").GetProperty("clockDisturbedShare").GetDouble();
        output.WriteLine($"{name}, {answers} answers, clock disturbed {disturbed}: {verdict}");
        Assert.Equal(answers, data.GetProperty("total").GetProperty("count").GetInt32());
        return (backend, verdict, disturbed < MostDisturbed);
    }
}
