using TimingProxy.Hosting;

namespace TimingProxy.Tests.Hosting;

/// <summary>Which source a value is of, where two speak of the same setting, and who is named where it is wrong.</summary>
public sealed class ConfigurationSourceTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("timingproxy-").FullName;

    [Fact]
    public async Task Load_EmptyVariable_LeavesTheFilesValue()
    {
        var loaded = await LoadAsync("""{ "TimingProxy": { "Upstream": "http://file:1" } }""", new() { ["TIMINGPROXY_UPSTREAM"] = "" });

        Assert.Equal("http://file:1", loaded.Settings.Upstream.Address);
        Assert.Empty(loaded.Warnings);
    }

    [Theory]
    [InlineData("\"http://*:1\"")]
    [InlineData("[\"http://*:1\", \"http://*:2\"]")]
    public async Task Load_ListByItemsInTheEnvironment_IsTakenWholeOverTheFiles(string ofFile)
    {
        var loaded = await LoadAsync(
            $$"""{ "TimingProxy": { "Upstream": "http://a:1", "Listen": {{ofFile}} } }""", new() { ["TIMINGPROXY_LISTEN__0"] = "http://*:3" });

        Assert.Equal(["http://*:3"], loaded.Settings.Listen);
    }

    [Fact]
    public async Task Load_EmptyArrayOfTheFile_IsAnEmptyList() =>
        Assert.Equal(
            [],
            (await LoadAsync("""{ "TimingProxy": { "Upstream": "http://a:1", "Forwarding": { "TrustedPeers": [] } } }""")).Settings.Forwarding.TrustedPeers);

    [Fact]
    public async Task Load_CommentsAndTrailingCommas_AreTaken() =>
        Assert.Equal(
            "http://a:1",
            (await LoadAsync("""{ /* the app */ "TimingProxy": { "Upstream": "http://a:1", }, } // end""")).Settings.Upstream.Address);

    [Fact]
    public async Task Load_BrokenJson_NamesFileLineAndReason()
    {
        var error = await Assert.ThrowsAsync<StartupError>(() => LoadAsync("{\n \"TimingProxy\": {\n  \"Upstream\": }\n}"));

        Assert.Equal(ExitCode.Configuration, error.ExitCode);
        Assert.Contains("settings.json: the configuration file is broken: line 3, column 15: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Load_ErrorsOfFileAndEnvironment_AreToldAtOnceEachWithItsSource()
    {
        var error = await Assert.ThrowsAsync<StartupError>(() => LoadAsync(
            """{ "TimingProxy": { "Upstream": "http://a:1", "Headers": { "Name": "X Y" } } }""",
            new() { ["TIMINGPROXY_LISTEN__0"] = "here", ["TIMINGPROXY_HEALTH__DRAINDELAY"] = "5" }));

        string[] lines = error.Message.Split('\n');
        Assert.Equal(3, lines.Length);
        Assert.Contains(lines, line => line.StartsWith("TIMINGPROXY_LISTEN: TimingProxy:Listen = \"here\"", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("TIMINGPROXY_HEALTH__DRAINDELAY: ", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith(Path.Combine(_folder, "settings.json"), StringComparison.Ordinal));
    }

    [Fact]
    public async Task Load_BadValueOfTheShortVariable_NamesThatVariable()
    {
        var error = await Assert.ThrowsAsync<StartupError>(() => LoadAsync("{}", new() { ["TIMINGPROXY_UPSTREAM"] = "app" }));

        Assert.StartsWith("TIMINGPROXY_UPSTREAM: TimingProxy:Upstream:Address = \"app\"", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{ "TimingProxy": "x" }""", "TimingProxy = \"x\": this is a section")]
    [InlineData("""{ "TimingProxi": { "Upstream": "http://a:1" } }""", "TimingProxi: there is no such section")]
    public async Task Load_SectionThatIsNone_IsAnErrorOfTheFile(string json, string message)
    {
        var error = await Assert.ThrowsAsync<StartupError>(() => LoadAsync(json));

        Assert.Equal(ExitCode.Configuration, error.ExitCode);
        Assert.Contains($"settings.json: {message}", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--upstream", "", 64)]
    [InlineData("--listen", "8080", 64)]
    [InlineData("--upstrem", "http://a:1", 64)]
    [InlineData("--config", "/nowhere/none.json", 78)]
    [InlineData("--config", "", 64)]
    public async Task CommandLine_BadFlag_EndsWithItsCode(string flag, string value, int code)
    {
        bool served = false;
        var commandLine = new CommandLine(async (options, _, cancellationToken) =>
        {
            var alone = options with { Environment = new Dictionary<string, string>(), ConfigPath = options.ConfigPath ?? await WriteAsync("{}") };
            await LoadedConfiguration.LoadAsync(alone, cancellationToken);
            served = true;
            return ExitCode.Ok;
        });

        Assert.Equal(code, await commandLine.InvokeAsync([flag, value]));
        Assert.False(served);
    }

    [Fact]
    public async Task CommandLine_Flags_BecomeSettingsByTheirFullKey()
    {
        StartOptions? seen = null;
        bool? isCheck = null;
        var commandLine = new CommandLine((options, checkOnly, _) =>
        {
            (seen, isCheck) = (options, checkOnly);
            return Task.FromResult(ExitCode.Ok);
        });

        int code = await commandLine.InvokeAsync(["--upstream", "http://a:1", "--admin=http://*:1", "--config", "a.json", "--check-config"]);

        Assert.Equal(ExitCode.Ok, code);
        Assert.True(isCheck);
        Assert.Equal("a.json", seen!.ConfigPath);
        Assert.Equal(
            new Dictionary<string, string?> { ["TimingProxy:Upstream:Address"] = "http://a:1", ["TimingProxy:Admin:Listen"] = "http://*:1" },
            seen.Flags);
    }

    [Fact]
    public async Task CommandLine_UnexpectedFailure_IsAMessageAndNoCrash() =>
        Assert.Equal(ExitCode.Failure, await new CommandLine((_, _, _) => throw new InvalidOperationException("no")).InvokeAsync([]));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private async Task<string> WriteAsync(string json)
    {
        string path = Path.Combine(_folder, "settings.json");
        await File.WriteAllTextAsync(path, json, TestContext.Current.CancellationToken);
        return path;
    }

    private async Task<LoadedConfiguration> LoadAsync(string json, Dictionary<string, string>? environment = null)
    {
        var options = new StartOptions(new Dictionary<string, string?>(), await WriteAsync(json), Demo: false, environment ?? []);
        return await LoadedConfiguration.LoadAsync(options, TestContext.Current.CancellationToken);
    }
}
