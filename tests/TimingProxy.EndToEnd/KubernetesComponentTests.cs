using k8s.Models;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>The components, added to somebody else's Deployment as docs/kubernetes.md says.</summary>
public sealed class KubernetesComponentTests
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

    /// <summary>The files of the page in a folder beside a copy of the components.</summary>
    private static async Task<TempFolder> DocumentedAsync(string component, Func<string, string>? change = null)
    {
        var page = MarkdownPage.Read("docs/kubernetes.md");
        var folder = new TempFolder();
        foreach (var name in new[] { "sidecar", "classic-sidecar" })
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
