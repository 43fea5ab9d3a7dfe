using TimingProxy.Settings;

namespace TimingProxy.Tests.Settings;

public sealed class EnvironmentNamesTests
{
    [Fact]
    public void Read_EverySetting_IsFoundByItsName()
    {
        foreach (var setting in SettingsTable.All)
        {
            var (settings, warnings) = Read((setting.Environment, "x"));
            Assert.Empty(warnings);
            Assert.Equal("x", settings[setting.FullKey]);
        }
    }

    [Theory]
    [InlineData("TIMINGPROXY_UPSTREAM", "TimingProxy:Upstream:Address")]
    [InlineData("TimingProxy_Upstream__Address", "TimingProxy:Upstream:Address")]
    [InlineData("TIMINGPROXY_LISTEN__0", "TimingProxy:Listen:0")]
    [InlineData("TIMINGPROXY_ADMIN__LISTEN", "TimingProxy:Admin:Listen")]
    public void Read_OtherForms_AreFound(string name, string key) => Assert.Equal("x", Read((name, "x")).Settings[key]);

    [Theory]
    [InlineData("TIMINGPROXY_PORT")]
    [InlineData("TIMINGPROXY_PORT_8080_TCP")]
    [InlineData("TIMINGPROXY_PORT_8080_TCP_ADDR")]
    [InlineData("TIMINGPROXY_PORT_8080_TCP_PROTO")]
    [InlineData("TIMINGPROXY_SERVICE_HOST")]
    [InlineData("TIMINGPROXY_SERVICE_PORT")]
    [InlineData("TIMINGPROXY_SERVICE_PORT_HTTP")]
    [InlineData("OTHER")]
    public void Read_WhatKubernetesSetsAndStrangers_AreIgnored(string name)
    {
        var (settings, warnings) = Read((name, "tcp://10.0.0.1:8080"));

        Assert.Empty(settings);
        Assert.Empty(warnings);
    }

    [Fact]
    public void Read_UnknownName_IsAWarningWithTheNearest()
    {
        var (settings, warnings) = Read(("TIMINGPROXY_UPSTREAM__TIMEOT", "1s"));

        Assert.Empty(settings);
        Assert.EndsWith("the nearest is TIMINGPROXY_UPSTREAM__TIMEOUT", Assert.Single(warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("TIMINGPROXY_UPSTREM", "TIMINGPROXY_UPSTREAM__ADDRESS")]
    [InlineData("TIMINGPROXY_ADMIN", "TIMINGPROXY_ADMIN__LISTEN")]
    [InlineData("TIMINGPROXY_TIMEOUT", "TIMINGPROXY_UPSTREAM__TIMEOUT")]
    [InlineData("TIMINGPROXY_LISTN", "TIMINGPROXY_LISTEN")]
    public void Read_OnePartOfAName_IsToldTheWhole(string name, string nearest) =>
        Assert.EndsWith($"the nearest is {nearest}", Assert.Single(Read((name, "x")).Warnings), StringComparison.Ordinal);

    [Fact]
    public void Read_TwoNamesOfOneSetting_TakesTheLongerInAnyOrderAndWarns()
    {
        (string, string)[] both = [("TIMINGPROXY_UPSTREAM", "http://short"), ("TIMINGPROXY_UPSTREAM__ADDRESS", "http://long")];
        foreach (var variables in ((string, string)[][])[both, [.. both.Reverse()]])
        {
            var (settings, warnings) = Read(variables);

            Assert.Equal("http://long", settings["TimingProxy:Upstream:Address"]);
            Assert.StartsWith(
                "TIMINGPROXY_UPSTREAM: it is ignored, because TIMINGPROXY_UPSTREAM__ADDRESS", Assert.Single(warnings), StringComparison.Ordinal);
        }
    }

    private static (Dictionary<string, string?> Settings, List<string> Warnings) Read(params (string Name, string Value)[] variables) =>
        EnvironmentNames.Read(variables.ToDictionary(pair => pair.Name, pair => pair.Value));
}
