using k8s;
using k8s.Models;
using YamlDotNet.Serialization;

namespace TimingProxy.EndToEnd.Fixtures;

/// <summary>What <c>kubectl kustomize</c> makes of a folder, read strictly: a name that its type does not have is an error.</summary>
public sealed class Kustomization
{
    private static readonly Dictionary<string, Type> Custom = new() { ["monitoring.coreos.com/v1/PodMonitor"] = typeof(PodMonitor) };

    private readonly List<object> _objects;

    public Kustomization(string yaml)
    {
        Yaml = yaml;
        _objects = KubernetesYaml.LoadAllFromString(yaml, Custom, strict: true);
    }

    public string Yaml { get; }

    public int Count => _objects.Count;

    public V1PodTemplateSpec Pod => One<V1Deployment>().Spec.Template;

    /// <summary>The proxy's container, in whichever of the two forms.</summary>
    public V1Container Proxy => (Pod.Spec.InitContainers ?? []).Concat(Pod.Spec.Containers).Single(container => container.Name == "timingproxy");

    public V1Container App => Pod.Spec.Containers.Single(container => container.Name != "timingproxy");

    public static string Folder(string name) => Path.Combine(Peers.Repository, "deploy", "kubernetes", name);

    public static async Task<Kustomization> BuildAsync(string folder, CancellationToken cancellationToken)
    {
        var (exitCode, output, errors) = await TryBuildAsync(folder, cancellationToken);
        Assert.True(exitCode == 0, $"kubectl kustomize {folder}: {errors}");
        return new Kustomization(output);
    }

    public static Task<(int ExitCode, string Output, string Errors)> TryBuildAsync(string folder, CancellationToken cancellationToken) =>
        ProcessRunner.RunAsync(Peers.Tool("kubectl", "kubernetes-client, or any that knows kustomize components"), ["kustomize", folder], cancellationToken);

    public T One<T>() => Assert.Single(_objects.OfType<T>());

    public IReadOnlyList<T> All<T>() => [.. _objects.OfType<T>()];

    public bool Has<T>() => _objects.OfType<T>().Any();
}

/// <summary>As much of the Prometheus operator's PodMonitor as we use; strictly read, so that nothing else can be in ours.</summary>
public sealed class PodMonitor
{
    [YamlMember(Alias = "apiVersion")]
    public string ApiVersion { get; set; } = "";

    [YamlMember(Alias = "kind")]
    public string Kind { get; set; } = "";

    [YamlMember(Alias = "metadata")]
    public V1ObjectMeta Metadata { get; set; } = new();

    [YamlMember(Alias = "spec")]
    public PodMonitorSpec Spec { get; set; } = new();
}

public sealed class PodMonitorSpec
{
    [YamlMember(Alias = "jobLabel")]
    public string JobLabel { get; set; } = "";

    [YamlMember(Alias = "selector")]
    public V1LabelSelector Selector { get; set; } = new();

    [YamlMember(Alias = "podMetricsEndpoints")]
    public List<PodMetricsEndpoint> PodMetricsEndpoints { get; set; } = [];
}

public sealed class PodMetricsEndpoint
{
    [YamlMember(Alias = "port")]
    public string Port { get; set; } = "";

    [YamlMember(Alias = "path")]
    public string Path { get; set; } = "";

    [YamlMember(Alias = "interval")]
    public string Interval { get; set; } = "";

    [YamlMember(Alias = "relabelings")]
    public List<Relabeling> Relabelings { get; set; } = [];
}

public sealed class Relabeling
{
    [YamlMember(Alias = "sourceLabels")]
    public List<string> SourceLabels { get; set; } = [];

    [YamlMember(Alias = "targetLabel")]
    public string TargetLabel { get; set; } = "";

    [YamlMember(Alias = "regex")]
    public string Regex { get; set; } = "";
}
