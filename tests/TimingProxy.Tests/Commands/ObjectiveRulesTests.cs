using TimingProxy.Commands;
using TimingProxy.Hosting;
using Xunit;

namespace TimingProxy.Tests.Commands;

public sealed class ObjectiveRulesTests
{
    [Theory]
    [InlineData("300", "le=\"0.3\"", "le=\"1.2\"")]
    [InlineData("250.5", "le=\"0.2505\"", "le=\"1.002\"")]
    [InlineData("1000", "le=~\"1([.]0)?\"", "le=~\"4([.]0)?\"")]
    public void Rules_ForATime_AskForItsBoundAsPrometheusWritesIt(string ms, string bound, string tolerated)
    {
        string rules = ObjectiveRules.Of(Objective.Parse(ms, "99.5"));

        Assert.Contains(bound, rules, StringComparison.Ordinal);
        Assert.Contains(tolerated.Replace("le=\"1.002\"", "le=\"1.002\"", StringComparison.Ordinal), rules, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("99.5", 8, "14.4 * 0.005")]
    [InlineData("99.999", 8, "14.4 * 0.00001")]
    [InlineData("90", 6, "6 * 0.1")]
    [InlineData("50", 2, "1 * 0.5")]
    public void Alerts_ForATarget_AreThoseThatCanFire(string target, int alerts, string limit)
    {
        string rules = ObjectiveRules.Of(Objective.Parse("300", target));

        Assert.Equal(alerts, rules.Split("- alert:").Length - 1);
        Assert.Contains(limit, rules, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0.999", "like 99.9:")]
    [InlineData("0.5", "like 50:")]
    [InlineData(".99950", "like 99.95:")]
    [InlineData("1.0", "like 99.5:")]
    public void Objective_WithAFractionForATarget_NamesThePercentage(string target, string mend)
    {
        var error = Assert.Throws<StartupError>(() => Objective.Parse("300", target));

        Assert.Equal(ExitCode.Usage, error.ExitCode);
        Assert.Contains(mend, error.Message, StringComparison.Ordinal);
        Assert.Contains("fraction", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0", "99", "--slo-ms = \"0\"")]
    [InlineData("-5", "99", "--slo-ms = \"-5\"")]
    [InlineData("fast", "99", "--slo-ms = \"fast\"")]
    [InlineData("1e3", "99", "--slo-ms = \"1e3\"")]
    [InlineData("300", "0", "--slo-target = \"0\"")]
    [InlineData("300", "100", "--slo-target = \"100\"")]
    [InlineData("300", "99,5", "--slo-target = \"99,5\"")]
    [InlineData("300", "1", "--slo-target = \"1\"")]
    public void Objective_WithABadValue_IsRefusedWithTheMend(string ms, string target, string names)
    {
        var error = Assert.Throws<StartupError>(() => Objective.Parse(ms, target));

        Assert.Equal(ExitCode.Usage, error.ExitCode);
        Assert.StartsWith(names, error.Message, StringComparison.Ordinal);
        Assert.Contains(", like ", error.Message, StringComparison.Ordinal);
    }
}
