using Microsoft.Extensions.Configuration;
using TimingProxy.Settings;

namespace TimingProxy.Tests.Settings;

public sealed class SettingsReaderTests
{
    [Fact]
    public void Read_Nothing_GivesTheDefaults()
    {
        var (settings, errors) = Read();

        Assert.Empty(errors);
        Assert.Null(settings.Upstream.Address);
        Assert.Equal(["http://*:8080"], settings.Listen);
        Assert.Equal(["http://*:9464"], settings.Admin.Listen);
        Assert.Equal(TimeSpan.FromSeconds(100), settings.Upstream.Timeout);
        Assert.Equal(TimeSpan.FromSeconds(1), settings.Upstream.KeepAlive);
        Assert.Equal("X-Render-MS", settings.Headers.Name);
        Assert.Equal((100, 1000), (settings.Metrics.MaxRoutes, settings.Metrics.MaxSeries));
        Assert.Equal(TimeSpan.FromSeconds(5), settings.Health.DrainDelay);
        Assert.Equal(TimeSpan.FromSeconds(20), settings.Health.DrainTimeout);
    }

    [Fact]
    public void Read_ManyErrors_AreToldAllAtOnceWithKeyAndValue()
    {
        var (_, errors) = Read(
            ("TimingProxy:Upstream:Timeout", "10"),
            ("TimingProxy:Metrics:MaxRoutes", "0"),
            ("TimingProxy:Headers:VisibleTo:0", "10.0.0.0/40"),
            ("TimingProxy:Headers:Name", "X Render"),
            ("TimingProxy:Nonsense", "1"));

        Assert.Equal(5, errors.Count);
        Assert.All(errors, error => Assert.Contains(error.Key, error.Message, StringComparison.Ordinal));
        Assert.Contains(errors, error => error.Message.Contains("TimingProxy:Upstream:Timeout = \"10\"", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("Upstream:TimeOut2", "Upstream:Timeout")]
    [InlineData("Upsteam:Timeout", "Upstream:Timeout")]
    [InlineData("Metrics:MaxRoute", "Metrics:MaxRoutes")]
    [InlineData("Headers:Naem", "Headers:Name")]
    [InlineData("lissten", "Listen")]
    [InlineData("AccessLog:Enable", "AccessLog:Enabled")]
    public void Read_MistypedName_IsAnErrorWithTheNearestName(string mistyped, string nearest)
    {
        var (_, errors) = Read(($"TimingProxy:{mistyped}", "1"));

        Assert.EndsWith($"the nearest is TimingProxy:{nearest}", Assert.Single(errors).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_UpstreamAsOneValue_IsItsAddress() =>
        Assert.Equal("http://app:8000", Read(("TimingProxy:Upstream", "http://app:8000")).Settings.Upstream.Address);

    [Fact]
    public void Read_ListAsArrayOrInOneLine_IsTheSame()
    {
        var array = Read(("TimingProxy:Metrics:Routes:0", "/a/{id}"), ("TimingProxy:Metrics:Routes:1", "/b")).Settings;
        var line = Read(("TimingProxy:Metrics:Routes", "/a/{id}; /b")).Settings;

        Assert.Equal(["/a/{id}", "/b"], array.Metrics.Routes);
        Assert.Equal(array.Metrics.Routes, line.Metrics.Routes);
    }

    [Fact]
    public void Read_NamesInAnyCase_AreKnown() =>
        Assert.Equal(TimeSpan.FromSeconds(3), Read(("timingproxy:UPSTREAM:timeout", "3s")).Settings.Upstream.Timeout);

    public static TheoryData<string, string> Samples() => new()
    {
        { "Upstream:Address", "h2c://app:8000" },
        { "Upstream:Timeout", "1.5s" },
        { "Upstream:ConnectTimeout", "250ms" },
        { "Upstream:KeepAlive", "4s" },
        { "Upstream:ConnectionLifetime", "90s" },
        { "Upstream:MaxConnections", "7" },
        { "Listen", "http://127.0.0.1:1;https://[::1]:2" },
        { "Admin:Listen", "http://unix:/run/a.sock" },
        { "MaxConcurrentRequests", "9" },
        { "Headers:Name", "X-Upstream" },
        { "Headers:Existing", "Keep" },
        { "Headers:ServerTiming", "true" },
        { "Headers:RequestStart", "true" },
        { "Headers:VisibleTo", "10.0.0.0/8;fd00::/8" },
        { "Forwarding:XForwarded", "Append" },
        { "Forwarding:TrustedPeers", "10.0.0.0/8" },
        { "Metrics:Buckets", "0.01;0.1;1" },
        { "Metrics:SloMs", "100;250.5" },
        { "Metrics:MaxRoutes", "5" },
        { "Metrics:MaxSeries", "6" },
        { "Metrics:Routes", "/a/{id};/b" },
        { "Metrics:LearnRoutes", "true" },
        { "Health:CheckUpstream", "true" },
        { "Health:DrainDelay", "0s" },
        { "Health:DrainTimeout", "1m" },
        { "AccessLog:Enabled", "true" },
        { "AccessLog:SlowMs", "12.5" },
    };

    [Theory]
    [MemberData(nameof(Samples))]
    public void Setting_ReadAndShown_IsTheSameAndDiffersFromTheDefault(string key, string text)
    {
        var setting = SettingsTable.All.Single(one => one.Key == key);

        string shown = setting.Show(setting.Read(new ProxySettings(), text));

        Assert.Equal(text, shown);
        Assert.NotEqual(setting.Default, shown);
        Assert.Equal(shown, setting.Show(Read(($"TimingProxy:{key}", text)).Settings));
    }

    [Fact]
    public void Settings_AllOfThem_HaveASample() =>
        Assert.Equal(SettingsTable.All.Select(one => one.Key).Order(), Samples().Select(row => row.Data.Item1).Order());

    [Fact]
    public void Defaults_AllOfThem_ReadAsShown()
    {
        foreach (var setting in SettingsTable.All.Where(one => one.Default.Length != 0))
        {
            Assert.Equal(setting.Default, setting.Show(setting.Read(new ProxySettings(), setting.Default)));
        }
    }

    [Fact]
    public void Settings_ThatNeedARestart_AreListenersAndWhatTheMetricsAreMadeOf() =>
        Assert.Equal(
            ["Listen", "Admin:Listen", "Metrics:Buckets", "Metrics:SloMs", "Metrics:MaxRoutes", "Metrics:MaxSeries"],
            SettingsTable.All.Where(one => !one.Reloads).Select(one => one.Key));

    [Theory]
    [InlineData("Listen", "")]
    [InlineData("Listen", "8080")]
    [InlineData("Listen", "ftp://127.0.0.1:1")]
    [InlineData("Listen", "http://app.example:1")]
    [InlineData("Listen", "http://127.0.0.1:1/path")]
    [InlineData("Listen", "http://127.0.0.1:99999")]
    [InlineData("Listen", "http://unix:/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    [InlineData("Upstream:Address", "unix:/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    [InlineData("Upstream:Address", "app:8000")]
    [InlineData("Upstream:Address", "unix:relative.sock")]
    [InlineData("Upstream:Address", "http://app?x")]
    [InlineData("Upstream:ConnectTimeout", "0s")]
    [InlineData("Upstream:MaxConnections", "-1")]
    [InlineData("Metrics:MaxSeries", "100001")]
    [InlineData("Metrics:MaxSeries", "99999999999")]
    [InlineData("Metrics:Buckets", "1;0.5")]
    [InlineData("Metrics:Buckets", "0;1")]
    [InlineData("Metrics:SloMs", "a")]
    [InlineData("Metrics:Routes", "/a/{")]
    [InlineData("Headers:Existing", "1")]
    [InlineData("Headers:ServerTiming", "yes")]
    [InlineData("AccessLog:SlowMs", "-1")]
    public void Read_BadValue_IsOneError(string key, string value)
    {
        var (settings, errors) = Read(($"TimingProxy:{key}", value));

        Assert.Equal($"TimingProxy:{key}", Assert.Single(errors).Key);
        var setting = SettingsTable.All.Single(one => one.Key == key);
        Assert.Equal(setting.Default, setting.Show(settings));
    }

    [Fact]
    public void Read_MoreSeriesThanThereIsMemoryFor_SaysHowMany()
    {
        Assert.Equal(
            "TimingProxy:Metrics:MaxSeries = \"99999999\": must be 100000 or less",
            Assert.Single(Read(("TimingProxy:Metrics:MaxSeries", "99999999")).Errors).Message);
        Assert.Equal(100_000, Read(("TimingProxy:Metrics:MaxSeries", "100000")).Settings.Metrics.MaxSeries);
    }

    private static (ProxySettings Settings, IReadOnlyList<SettingError> Errors) Read(params (string Key, string Value)[] values) =>
        SettingsReader.Read(new ConfigurationBuilder()
            .AddInMemoryCollection(values.Select(pair => KeyValuePair.Create(pair.Key, (string?)pair.Value)))
            .Build());
}
