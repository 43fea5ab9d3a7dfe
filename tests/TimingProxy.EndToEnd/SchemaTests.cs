using System.Text.Json;
using System.Text.Json.Nodes;
using TimingProxy.EndToEnd.Fixtures;
using YamlDotNet.Serialization;

namespace TimingProxy.EndToEnd;

/// <summary>
/// The dashboard and the PodMonitor against the types that Grafana and the Prometheus operator publish (see types/README.md), and the examples of
/// settings against our own schema.
/// </summary>
public sealed class SchemaTests(NodePackages packages) : IClassFixture<NodePackages>
{
    private const string Imports = """
        import type { Dashboard } from "@grafana/schema";
        import type { IPodMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMonitor";
        """;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task DashboardAndPodMonitor_AsValuesOfTheirTypes_Compile()
    {
        var folder = await packages.FolderAsync(Cancel);
        var dashboard = await File.ReadAllTextAsync(Dashboard.Path, Cancel);
        var monitor = await PodMonitorAsJsonAsync();

        // Both ways: ours compile, and a name that a type does not have is found.
        var (exitCode, output, _) = await CompileAsync(folder, dashboard, monitor);
        Assert.True(exitCode == 0, output);
        (exitCode, output, _) = await CompileAsync(folder, dashboard, monitor.Replace("\"port\"", "\"prt\"", StringComparison.Ordinal));
        Assert.NotEqual(0, exitCode);
        Assert.Contains("'\"prt\"' does not exist", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExamplesOfSettings_ByTheSchema_AreValid()
    {
        var folder = await packages.FolderAsync(Cancel);
        List<string> files = [];
        foreach (var path in Directory.GetFiles(Path.Combine(Peers.Repository, "config", "examples")))
        {
            var plain = JsonNode.Parse(await File.ReadAllTextAsync(path, Cancel), documentOptions: new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip })!;
            files.Add(folder.File(Path.GetFileName(path)));
            await File.WriteAllTextAsync(files[^1], plain.ToJsonString(), Cancel);
        }

        Assert.NotEmpty(files);
        var (exitCode, output, errors) = await ValidateAsync(folder, files);
        Assert.True(exitCode == 0, output + errors);

        // And a setting that there is not is found.
        await File.WriteAllTextAsync(folder.File("wrong.json"), """{ "TimingProxy": { "Upstream": { "Adress": "x" } } }""", Cancel);
        (exitCode, output, _) = await ValidateAsync(folder, [folder.File("wrong.json")]);
        Assert.NotEqual(0, exitCode);
        Assert.Contains("Adress", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Dashboard_AsShipped_HasUniquePanelsOnItsGridAndVariables()
    {
        var dashboard = Dashboard.Read();
        var panels = dashboard.GetProperty("panels").EnumerateArray().ToList();
        var cells = panels.SelectMany(panel =>
        {
            var place = panel.GetProperty("gridPos");
            var (x, y, w, h) = (place.GetProperty("x").GetInt32(), place.GetProperty("y").GetInt32(), place.GetProperty("w").GetInt32(), place.GetProperty("h").GetInt32());
            Assert.True(x + w <= 24, panel.GetProperty("title").GetString());
            return from column in Enumerable.Range(x, w) from row in Enumerable.Range(y, h) select (column, row);
        }).ToList();

        Assert.Equal(cells.Count, cells.Distinct().Count());
        Assert.Equal(panels.Count, panels.Select(panel => panel.GetProperty("id").GetInt32()).Distinct().Count());
        Assert.Equal(["datasource", "job", "instance", "route"], dashboard.GetProperty("templating").GetProperty("list").EnumerateArray().Select(variable => variable.GetProperty("name").GetString()));
    }

    private static async Task<(int ExitCode, string Output, string Errors)> CompileAsync(TempFolder folder, string dashboard, string monitor)
    {
        await File.WriteAllTextAsync(
            folder.File("check.ts"), $"{Imports}\nexport const dashboard: Dashboard = {dashboard};\nexport const monitor: IPodMonitor = {monitor};\n", Cancel);
        return await ProcessRunner.RunAsync(
            Peers.Tool("node", "nodejs"),
            ["node_modules/typescript/bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2022", "check.ts"],
            Cancel,
            workingDirectory: folder.Path);
    }

    private static Task<(int ExitCode, string Output, string Errors)> ValidateAsync(TempFolder folder, IEnumerable<string> files) => ProcessRunner.RunAsync(
        Peers.Tool("node", "nodejs"),
        ["validate.mjs", Path.Combine(Peers.Repository, "config", "timingproxy.schema.json"), .. files],
        Cancel,
        workingDirectory: folder.Path);

    private static async Task<string> PodMonitorAsJsonAsync()
    {
        var yaml = await File.ReadAllTextAsync(Path.Combine(Kustomization.Folder("monitoring"), "podmonitor.yaml"), Cancel);
        return new SerializerBuilder().JsonCompatible().Build().Serialize(new DeserializerBuilder().Build().Deserialize<object>(yaml)!);
    }
}
