using System.Text;
using System.Text.RegularExpressions;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>
/// Every command of README and docs, in a <c>console</c> block after <c>$</c>, is run: here, beside a demo; or by the test that the table below
/// names; or it is marked by a first line <c># not run by our tests: why</c>. Output that a block shows must come, but for its numbers.
/// </summary>
public sealed partial class DocsTests
{
    private const string NotRun = "# not run by our tests: ";

    private static readonly Dictionary<string, string> RunElsewhere = new()
    {
        ["dotnet run --project src/TimingProxy -- --demo"] = $"{nameof(DocsTests)}.{nameof(ReadmesFirstCommand_FromTheSources_ShowsTheBannerOfTheReadme)}",
        ["timingproxy --upstream http://127.0.0.1:8000"] = $"{nameof(SmokeTests)}.{nameof(SmokeTests.Binary_InFrontOfBackend_ProxiesStampsAndIsScraped)}",
        ["docker build -t timingproxy ."] = $"{nameof(ImageTests)}.{nameof(ImageTests.Image_AsBuilt_SaysWhatContainerRuntimesAsk)}",
        ["docker run --rm -p 8080:8080 -p 9464:9464 timingproxy --demo"] = $"{nameof(ImageTests)}.{nameof(ImageTests.Container_WithNoPrivilegeAndNothingToWriteTo_ProxiesIsScrapedAndDrains)}",
        ["docker run -d --read-only --cap-drop ALL --security-opt no-new-privileges --user 1654 -p 8080:8080 -p 9464:9464 -e TIMINGPROXY_UPSTREAM=http://app:8000 --network app timingproxy"] =
            $"{nameof(ImageTests)}.{nameof(ImageTests.Container_WithNoPrivilegeAndNothingToWriteTo_ProxiesIsScrapedAndDrains)}",
        ["cd deploy/compose && docker compose up"] = $"{nameof(ComposeTests)}.{nameof(ComposeTests.Tour_AsComposed_ProxiesTheAppAndFeedsPrometheus)}",
    };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task EveryCommand_OfReadmeAndDocs_DoesWhatThePageSays()
    {
        await using var proxy = await ProxyProcess.StartAsync(["--demo"], Cancel);
        using var folder = Workplace();
        await proxy.ScrapeUntilAsync(scrape => scrape.Sum("timingproxy_app_queue_duration_seconds_count") > 0, "a checkout", Cancel);
        var complaints = new StringBuilder();
        var run = 0;
        foreach (var block in MarkdownPage.All().SelectMany(page => page.Blocks).Where(block => block.Language == "console" && !block.Text.StartsWith(NotRun, StringComparison.Ordinal)))
        {
            var (commands, shown) = Read(block);
            var here = commands.Where(command => !IsRunElsewhere(command)).ToList();
            if (here.Count == 0)
            {
                continue;
            }

            run += here.Count;
            var script = $"PATH=$PWD/bin:$PATH\n{Adapted(Script(here), proxy)}";
            var (exitCode, output, errors) = await ProcessRunner.RunAsync(Peers.Tool("bash", "bash"), ["-c", script], Cancel, workingDirectory: folder.Path);
            var lines = (output + "\n" + errors).Split('\n').Select(WithoutNumbers).ToHashSet();
            var absent = here.Count == commands.Count ? shown.Where(line => !lines.Contains(WithoutNumbers(Adapted(line, proxy)))).ToList() : [];
            if (exitCode != 0 || absent.Count != 0)
            {
                complaints.AppendLine($"{block.Page}:{block.Line}: exit code {exitCode}; not shown: {string.Join(" | ", absent)}\n{script}\n{output}\n{errors}");
            }
        }

        Assert.True(complaints.Length == 0, complaints.ToString());
        Assert.True(run >= 10, $"only {run} commands were found");
    }

    [Fact]
    public void CommandsRunElsewhere_AreInTheDocsAndInATestThatIsThere()
    {
        var all = MarkdownPage.All().SelectMany(page => page.Blocks).Where(block => block.Language == "console").SelectMany(block => Read(block).Commands).ToHashSet();

        Assert.Empty(RunElsewhere.Keys.Except(all));
        Assert.All(RunElsewhere.Values.Select(name => name.Split('.')), name => Assert.NotNull(typeof(DocsTests).Assembly.GetType($"TimingProxy.EndToEnd.{name[0]}")?.GetMethod(name[1])));
    }

    [Fact]
    public void CommandBlocks_OfReadmeAndDocs_AreOfTheKindThatIsRun()
    {
        var unseen = MarkdownPage.All().SelectMany(page => page.Blocks)
            .Where(block => block.Language is "sh" or "bash" or "shell" or "zsh" || (block.Language == "console" && Read(block).Commands.Count == 0))
            .Select(block => $"{block.Page}:{block.Line}: write ```console, and $ before each command");

        Assert.Empty(unseen);
    }

    [Fact]
    public async Task ReadmesFirstCommand_FromTheSources_ShowsTheBannerOfTheReadme()
    {
        var block = MarkdownPage.Read("README.md").Blocks.First(block => block.Language == "console");
        var (commands, shown) = Read(block);
        var project = Path.Combine(Peers.Repository, "src", "TimingProxy");
        string[] flags = ["--listen", $"http://*:{FreePort.Next()}", "--admin", $"http://*:{FreePort.Next()}"];
        Assert.Equal("dotnet run --project src/TimingProxy -- --demo", Assert.Single(commands));

        await using var demo = ProcessRunner.Start("dotnet", ["run", "--no-build", "--project", project, "--", "--demo", .. flags]);
        // The project is looked through first.
        await demo.WaitForLineAsync("curl -i", Cancel, TimeSpan.FromMinutes(1));

        var lines = demo.Errors.Split('\n').Select(WithoutNumbers).ToHashSet();
        Assert.All(shown, line => Assert.Contains(WithoutNumbers(line), lines));
    }

    [Fact]
    public async Task EveryLink_OfReadmeAndDocs_LeadsToAFile()
    {
        foreach (var page in MarkdownPage.All())
        {
            var folder = Path.GetDirectoryName(Path.Combine(Peers.Repository, page.Path))!;
            var text = await File.ReadAllTextAsync(Path.Combine(Peers.Repository, page.Path), Cancel);
            var broken = Link().Matches(text).Select(match => match.Groups[1].Value).Where(link => !link.Contains("://", StringComparison.Ordinal))
                .Where(link => !Path.Exists(Path.Combine(folder, link)));
            Assert.True(!broken.Any(), $"{page.Path}: {string.Join(", ", broken)}");
        }
    }

    private static bool IsRunElsewhere(string command) => RunElsewhere.ContainsKey(command) || command.Contains("dotnet test", StringComparison.Ordinal);

    /// <summary>The commands, without comments behind them, and the output that is shown.</summary>
    private static (IReadOnlyList<string> Commands, IReadOnlyList<string> Output) Read(FencedBlock block)
    {
        var lines = block.Text.TrimEnd('\n').Split('\n').Where(line => line.Length != 0 && line[0] != '#').ToList();
        return (
            [.. lines.Where(line => line.StartsWith("$ ", StringComparison.Ordinal)).Select(line => Comment().Replace(line[2..], "").Trim())],
            [.. lines.Where(line => !line.StartsWith("$ ", StringComparison.Ordinal))]);
    }

    /// <summary>One after the other; each must succeed, unless the page asks for its exit code or it is <c>compare</c>, whose code is its answer.</summary>
    private static string Script(List<string> commands)
    {
        var script = new StringBuilder();
        for (var i = 0; i < commands.Count; i++)
        {
            script.AppendLine(commands[i]);
            if (i + 1 == commands.Count || commands[i + 1] != "echo $?")
            {
                var allowed = commands[i].StartsWith("timingproxy compare", StringComparison.Ordinal) ? "0|3|4" : "0";
                script.AppendLine($"code=$?; case $code in {allowed}) ;; *) exit $code ;; esac");
            }
        }

        return script.Append("exit 0").ToString();
    }

    /// <summary>The ports are the demo's.</summary>
    private static string Adapted(string text, ProxyProcess proxy) => text
        .Replace("localhost:8080", $"127.0.0.1:{proxy.Port}", StringComparison.Ordinal)
        .Replace("localhost:9464", $"127.0.0.1:{proxy.AdminPort}", StringComparison.Ordinal);

    /// <summary>A folder with what the pages take for granted: the repository, and <c>timingproxy</c> on the PATH.</summary>
    private static TempFolder Workplace()
    {
        var folder = new TempFolder();
        foreach (var name in new[] { "config", "deploy", "docs" })
        {
            File.CreateSymbolicLink(folder.File(name), Path.Combine(Peers.Repository, name));
        }

        Directory.CreateDirectory(folder.File("bin"));
        File.CreateSymbolicLink(folder.File("bin/timingproxy"), ProxyProcess.Executable);
        File.WriteAllText(folder.File("app.json"), """{ "TimingProxy": { "Upstream": { "Timeout": "100", "Adress": "x" } } }""");
        return folder;
    }

    private static string WithoutNumbers(string line) => Date().Replace(Digits().Replace(line, "0"), "Date:").TrimEnd('\r', ' ');

    [GeneratedRegex(@"\s+# .*$")]
    private static partial Regex Comment();

    [GeneratedRegex(@"\d+(\.\d+)*")]
    private static partial Regex Digits();

    [GeneratedRegex("^Date: .*")]
    private static partial Regex Date();

    [GeneratedRegex(@"\]\(([^)#\s]+)(?:#[^)]*)?\)")]
    private static partial Regex Link();
}
