using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>The fleet's figures in PromQL, against cases whose answer is known, the one that they get wrong among them.</summary>
public sealed class InsightRulesTests
{
    [Theory]
    [InlineData("check", "insight.rules.yml")]
    [InlineData("test", "insight.test.yml")]
    public async Task Promtool_OnTheRules_IsContent(string command, string file)
    {
        var promtool = Peers.Tool("promtool", "prometheus");
        var folder = Path.Combine(Peers.Repository, "config", "prometheus");

        var (exitCode, output, errors) = await ProcessRunner.RunAsync(
            promtool, [command, "rules", file], TestContext.Current.CancellationToken, workingDirectory: folder);

        Assert.True(exitCode == 0, output + errors);
    }
}
