using TimingProxy.Hosting;

namespace TimingProxy.Tests.Hosting;

public sealed class SettingsBesideTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("timingproxy-").FullName;
    private readonly StringWriter _complaints = new();

    public void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        _complaints.Dispose();
    }

    [Theory]
    [InlineData("""{ "TimingProxy": { "Admin": { "Listen": "http://*:1" }, "Upstream": "nope", "Helth": {}, "Listen": [] } }""")]
    [InlineData("""{ "TimingProxy": { "Admin": { "Listen": "http://*:1" }, "Upstream": "http://127.0.0.1:1" } }""")]
    [InlineData("""{ "TimingProxy": { "Admin": { "Listen": ["http://*:1"], "Nope": 1 } }, "ReverseProxy": [] }""")]
    public async Task AdminAddress_InAFileWithOtherFaults_IsFoundWithoutAWord(string json)
    {
        Assert.Equal("http://*:1", await AdminAddressAsync(json));
        Assert.Equal("", _complaints.ToString());
    }

    [Fact]
    public async Task AdminAddress_ThatCannotBeRead_IsTheDefaultAndIsSaid()
    {
        Assert.Equal("http://*:9464", await AdminAddressAsync("""{ "TimingProxy": { "Admin": { "Listen": "port 1" }, "Upstream": "nope" } }"""));

        string line = Assert.Single(_complaints.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("settings.json: TimingProxy:Admin:Listen = \"port 1\"", line, StringComparison.Ordinal);
        Assert.EndsWith("going by the default, http://*:9464", line.TrimEnd(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    public async Task AdminAddress_WithoutAFileThatCanBeRead_IsTheFlagsOrTheEnvironments(string? json)
    {
        Assert.Equal("http://*:2", await AdminAddressAsync(json, environment: "http://*:2"));
        Assert.Equal("http://*:3", await AdminAddressAsync(json, environment: "http://*:2", flag: "http://*:3"));
        Assert.Equal("http://*:9464", await AdminAddressAsync(json));

        Assert.Equal(3, _complaints.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public async Task Flag_WithABadValue_IsAnErrorOfUsageWhateverElseIsWrong()
    {
        var error = await Assert.ThrowsAsync<StartupError>(() => AdminAddressAsync("""{ "TimingProxy": { "Upstream": "nope" } }""", flag: "port 1"));

        Assert.Equal(ExitCode.Usage, error.ExitCode);
        Assert.StartsWith("--admin: ", error.Message, StringComparison.Ordinal);
    }

    private async Task<string> AdminAddressAsync(string? json, string? environment = null, string? flag = null)
    {
        string path = Path.Combine(_folder, "settings.json");
        if (json is not null)
        {
            await File.WriteAllTextAsync(path, json, TestContext.Current.CancellationToken);
        }

        var flags = new Dictionary<string, string?>();
        if (flag is not null)
        {
            flags["TimingProxy:Admin:Listen"] = flag;
        }

        var variables = new Dictionary<string, string?>();
        if (environment is not null)
        {
            variables["TIMINGPROXY_ADMIN__LISTEN"] = environment;
        }

        var settings = await SettingsBeside.ReadAsync(
            new StartOptions(flags, path, Demo: false, variables), _complaints, TestContext.Current.CancellationToken);
        return Assert.Single(settings.Admin.Listen);
    }
}
