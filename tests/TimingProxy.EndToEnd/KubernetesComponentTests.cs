using System.Text.RegularExpressions;
using k8s.Models;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>The components, added to somebody else's Deployment as docs/kubernetes.md says.</summary>
public sealed partial class KubernetesComponentTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("sidecar")]
    [InlineData("classic-sidecar")]
    public async Task Component_InTheDocumentedKustomization_PutsTheProxyInFront(string component)
    {
        using var folder = await DocumentedAsync(component);

        var built = await Kustomization.BuildAsync(folder.File("shop"), Cancel);

        Assert.Equal("registry.example/timingproxy:0.1.0", built.Proxy.Image);
        Assert.Equal("registry.example/shop:7", built.App.Image);
        Assert.Contains("http://127.0.0.1:3000", built.One<V1ConfigMap>().Data["appsettings.json"], StringComparison.Ordinal);
        Assert.Equal("timingproxy", built.One<V1ConfigMap>().Metadata.Name);
        Assert.Equal("timingproxy", Assert.Single(built.One<V1Service>().Spec.Ports).TargetPort.Value);
        Assert.Equal("shop", built.Pod.Metadata.Labels["app"]);
        var (exitCode, output, errors) = await CheckAsync(built, folder);
        Assert.True(exitCode == 0, output + errors);
    }

    [Theory]
    [InlineData("sidecar")]
    [InlineData("classic-sidecar")]
    public async Task Component_OnAnAppWithALifecycleOfItsOwn_FailsInsteadOfReplacingIt(string component)
    {
        using var folder = await DocumentedAsync(component, deployment => deployment.Replace(
            "image: registry.example/shop:7", "image: registry.example/shop:7\n          lifecycle: { preStop: { exec: { command: [bye] } } }", StringComparison.Ordinal));

        var (exitCode, _, errors) = await Kustomization.TryBuildAsync(folder.File("shop"), Cancel);

        Assert.NotEqual(0, exitCode);
        Assert.Contains("/spec/template/spec/containers/0/lifecycle", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sidecar")]
    [InlineData("classic-sidecar")]
    public async Task Component_OnADeploymentThatIsOff_LeavesItAlone(string component)
    {
        using var folder = await DocumentedAsync(component, deployment => deployment.Replace(
            "metadata:\n  name: shop\n", "metadata:\n  name: shop\n  labels: { timingproxy: \"off\" }\n", StringComparison.Ordinal));

        var built = await Kustomization.BuildAsync(folder.File("shop"), Cancel);

        Assert.Single(built.Pod.Spec.Containers);
        Assert.Null(built.Pod.Spec.InitContainers);
        Assert.Equal("http", Assert.Single(built.One<V1Service>().Spec.Ports).TargetPort.Value);
    }

    [Theory]
    [InlineData("sidecar")]
    [InlineData("classic-sidecar")]
    public async Task Components_OfTwoAppsInOneNamespace_LeaveEachItsOwnConfiguration(string component)
    {
        using var folder = await DocumentedAsync(component);
        var page = MarkdownPage.Read("docs/kubernetes.md");
        foreach (var (app, port) in new[] { ("shop", "3000"), ("blog", "4000") })
        {
            Directory.CreateDirectory(folder.File(app));
            await WriteAsync($"{app}/deployment.yaml", page.FileNamed("deployment.yaml").Replace("shop", app, StringComparison.Ordinal));
            await WriteAsync($"{app}/appsettings.json", page.FileNamed("appsettings.json").Replace("3000", port, StringComparison.Ordinal));
            await WriteAsync($"{app}/kustomization.yaml", page.FileNamed("shop/kustomization.yaml")
                .Replace("shop", app, StringComparison.Ordinal).Replace("timingproxy/sidecar", $"timingproxy/{component}", StringComparison.Ordinal));
        }

        await WriteAsync("kustomization.yaml", page.FileNamed("../kustomization.yaml"));

        var built = await Kustomization.BuildAsync(folder.Path, Cancel);

        var configurations = built.All<V1Deployment>().ToDictionary(
            deployment => deployment.Metadata.Name,
            deployment =>
            {
                var name = deployment.Spec.Template.Spec.Volumes.Single(volume => volume.Name == "timingproxy").ConfigMap.Name;
                return built.All<V1ConfigMap>().Single(map => map.Metadata.Name == name).Data["appsettings.json"];
            });
        Assert.Equal(2, configurations.Count);
        Assert.Contains("http://127.0.0.1:3000", configurations["shop"], StringComparison.Ordinal);
        Assert.Contains("http://127.0.0.1:4000", configurations["blog"], StringComparison.Ordinal);
        // One of each is for both.
        var selectors = new[] { built.One<PodMonitor>().Spec.Selector.MatchLabels, built.One<V1NetworkPolicy>().Spec.PodSelector.MatchLabels };
        Assert.All(built.All<V1Deployment>(), deployment => Assert.All(
            selectors.SelectMany(labels => labels), label => Assert.Equal(label.Value, deployment.Spec.Template.Metadata.Labels[label.Key])));

        Task WriteAsync(string name, string text) => File.WriteAllTextAsync(folder.File(name), text, Cancel);
    }

    [Fact]
    public async Task Job_OfAnApp_IsItsLabelInBothWaysOfScraping()
    {
        using var folder = await DocumentedAsync("sidecar");
        var sample = await Kustomization.BuildAsync(Kustomization.Folder("base"), Cancel);
        var documented = await Kustomization.BuildAsync(folder.File("shop"), Cancel);
        var monitor = sample.One<PodMonitor>().Spec;
        // The last one that is there wins.
        string[] ofMonitor =
        [
            $"__meta_kubernetes_pod_label_{monitor.JobLabel}",
            .. monitor.PodMetricsEndpoints[0].Relabelings.Where(step => step is { TargetLabel: "job", Regex: "(.+)" }).SelectMany(step => step.SourceLabels),
        ];
        var file = await File.ReadAllTextAsync(Path.Combine(Peers.Repository, "config", "prometheus", "scrape-kubernetes.yml"), Cancel);
        string[] ofFile = [.. ToJob().Matches(file).Select(match => match.Groups["label"].Value)];

        Assert.Equal(ofMonitor, ofFile);
        Assert.Equal(("legacy", "shop"), (JobOf(sample), JobOf(documented)));

        string JobOf(Kustomization built) => built.Pod.Metadata.Labels
            .Select(label => (Job: label.Value, Rank: Array.IndexOf(ofMonitor, "__meta_kubernetes_pod_label_" + label.Key.Replace('.', '_').Replace('/', '_'))))
            .Where(label => label.Rank >= 0).MaxBy(label => label.Rank).Job;
    }

    [GeneratedRegex(@"source_labels: \[(?<label>\w+)\], action: replace, target_label: job, regex: \(\.\+\)")]
    private static partial Regex ToJob();

    /// <summary>The files of the page in a folder beside a copy of the components.</summary>
    private static async Task<TempFolder> DocumentedAsync(string component, Func<string, string>? change = null)
    {
        var page = MarkdownPage.Read("docs/kubernetes.md");
        var folder = new TempFolder();
        foreach (var name in new[] { "sidecar", "classic-sidecar", "monitoring" })
        {
            var copy = Directory.CreateDirectory(Path.Combine(folder.File("timingproxy"), name)).FullName;
            foreach (var file in Directory.GetFiles(Kustomization.Folder(name)))
            {
                File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
            }
        }

        Directory.CreateDirectory(folder.File("shop"));
        foreach (var file in new[] { "deployment.yaml", "kustomization.yaml", "appsettings.json" })
        {
            var text = page.FileNamed(file);
            text = change?.Invoke(text) ?? text;
            await File.WriteAllTextAsync(Path.Combine(folder.File("shop"), file), text.Replace("timingproxy/sidecar", $"timingproxy/{component}", StringComparison.Ordinal), Cancel);
        }

        return folder;
    }

    private static async Task<(int ExitCode, string Output, string Errors)> CheckAsync(Kustomization built, TempFolder folder)
    {
        await File.WriteAllTextAsync(folder.File("appsettings.json"), built.One<V1ConfigMap>().Data["appsettings.json"], Cancel);
        return await ProxyProcess.RunAsync(["--check-config", "--config", folder.File("appsettings.json")], Cancel);
    }
}
