using System.Globalization;
using System.Text.Json.Nodes;
using k8s.Models;
using TimingProxy.EndToEnd.Fixtures;
using TimingProxy.Settings;

namespace TimingProxy.EndToEnd;

/// <summary>deploy/kubernetes: what kubectl builds of it is wired up, restricted, and what its pages say.</summary>
public sealed class KubernetesTests
{
    private static readonly TimeSpan DefaultGracePeriod = TimeSpan.FromSeconds(30);
    private static readonly ProxySettings Defaults = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("base", "native.yaml")]
    [InlineData("classic", "classic.yaml")]
    public async Task PlainManifests_AsCommitted_AreWhatKustomizeBuilds(string folder, string plain)
    {
        var built = await Kustomization.BuildAsync(Kustomization.Folder(folder), Cancel);
        var path = Path.Combine(Kustomization.Folder("plain"), plain);
        var expected = $"# Made by: kubectl kustomize deploy/kubernetes/{folder}\n{built.Yaml}\n";
        if (Environment.GetEnvironmentVariable("UPDATE_DOCS") == "1")
        {
            await File.WriteAllTextAsync(path, expected, Cancel);
        }

        Assert.Equal(expected, await File.ReadAllTextAsync(path, Cancel));
        Assert.Equal(5, built.Count);
    }

    [Theory]
    [InlineData("base")]
    [InlineData("classic")]
    public async Task Ports_FromServiceToApp_AreWiredThroughTheProxy(string folder)
    {
        var built = await Kustomization.BuildAsync(Kustomization.Folder(folder), Cancel);

        // Service -> proxy.
        var target = Assert.Single(built.One<V1Service>().Spec.Ports).TargetPort.Value;
        Assert.Equal(PortOf(Assert.Single(Defaults.Listen)), NumberOf(built.Proxy, target));
        Assert.Equal(built.One<V1Service>().Spec.Selector["app.kubernetes.io/name"], built.Pod.Metadata.Labels["app.kubernetes.io/name"]);

        // Proxy -> app, by the configuration that is mounted where the flag says.
        var mount = Assert.Single(built.Proxy.VolumeMounts);
        var volume = built.Pod.Spec.Volumes.Single(candidate => candidate.Name == mount.Name);
        var map = built.One<V1ConfigMap>();
        Assert.Equal(map.Metadata.Name, volume.ConfigMap.Name);
        Assert.Null(mount.SubPath);
        Assert.Equal(["--config", $"{mount.MountPath}/{Assert.Single(map.Data).Key}"], built.Proxy.Args);
        var upstream = JsonNode.Parse(map.Data.Single().Value)!["TimingProxy"]!["Upstream"]!["Address"]!.GetValue<string>();
        Assert.Equal("127.0.0.1", new Uri(upstream).Host);
        Assert.Equal(new Uri(upstream).Port, Assert.Single(built.App.Ports).ContainerPort);

        // Prometheus -> admin port, in both ways and through the policy.
        var admin = PortOf(Assert.Single(Defaults.Admin.Listen));
        var monitor = built.One<PodMonitor>().Spec;
        var endpoint = Assert.Single(monitor.PodMetricsEndpoints);
        Assert.Equal(admin, NumberOf(built.Proxy, endpoint.Port));
        Assert.All(monitor.Selector.MatchLabels, label => Assert.Equal(label.Value, built.Pod.Metadata.Labels[label.Key]));
        Assert.Equal($"{admin}", built.Pod.Metadata.Annotations["prometheus.io/port"]);
        Assert.Equal(endpoint.Path, built.Pod.Metadata.Annotations["prometheus.io/path"]);
    }

    [Theory]
    [InlineData("base")]
    [InlineData("classic")]
    public async Task NetworkPolicy_OfThePods_OpensTheAdminPortToPrometheusOnly(string folder)
    {
        var built = await Kustomization.BuildAsync(Kustomization.Folder(folder), Cancel);
        var policy = built.One<V1NetworkPolicy>().Spec;

        Assert.All(policy.PodSelector.MatchLabels, label => Assert.Equal(label.Value, built.Pod.Metadata.Labels[label.Key]));
        Assert.Equal(["Ingress"], policy.PolicyTypes);
        var open = policy.Ingress.Where(rule => rule.FromProperty is null or { Count: 0 }).SelectMany(rule => rule.Ports).Select(port => NumberOf(built.Proxy, port.Port.Value));
        Assert.Equal([PortOf(Assert.Single(Defaults.Listen))], open);
        var guarded = Assert.Single(policy.Ingress, rule => rule.FromProperty is { Count: > 0 });
        Assert.Equal([PortOf(Assert.Single(Defaults.Admin.Listen))], guarded.Ports.Select(port => NumberOf(built.Proxy, port.Port.Value)));
        var peer = Assert.Single(guarded.FromProperty);
        Assert.NotEmpty(peer.NamespaceSelector.MatchLabels);
        Assert.NotEmpty(peer.PodSelector.MatchLabels);
    }

    [Theory]
    [InlineData("base")]
    [InlineData("classic")]
    public async Task Containers_OfThePod_MeetRestrictedPodSecurity(string folder)
    {
        var built = await Kustomization.BuildAsync(Kustomization.Folder(folder), Cancel);
        var pod = built.Pod.Spec;

        Assert.False(pod.EnableServiceLinks);
        Assert.False(pod.HostNetwork == true || pod.HostPID == true || pod.HostIPC == true);
        Assert.All(pod.Volumes, volume => Assert.True(volume.ConfigMap is not null || volume.EmptyDir is not null, volume.Name));
        Assert.All((pod.InitContainers ?? []).Concat(pod.Containers), container =>
        {
            var security = container.SecurityContext;
            Assert.True(security.RunAsNonRoot ?? pod.SecurityContext.RunAsNonRoot, container.Name);
            Assert.NotEqual(0, security.RunAsUser ?? pod.SecurityContext.RunAsUser);
            Assert.False(security.AllowPrivilegeEscalation);
            Assert.True(security.ReadOnlyRootFilesystem);
            Assert.Equal(["ALL"], security.Capabilities.Drop);
            Assert.Null(security.Capabilities.Add);
            Assert.Equal("RuntimeDefault", (security.SeccompProfile ?? pod.SecurityContext.SeccompProfile).Type);
            Assert.True(container.Resources.Requests.ContainsKey("memory") && container.Resources.Requests.ContainsKey("cpu"), container.Name);
            Assert.True(container.Resources.Limits.ContainsKey("memory"), container.Name);
        });
    }

    [Theory]
    [InlineData("base")]
    [InlineData("classic")]
    public async Task Proxy_WithTheManifestsOwnConfiguration_AnswersItsProbesWithinItsMemory(string folder)
    {
        var built = await Kustomization.BuildAsync(Kustomization.Folder(folder), Cancel);
        using var mounted = new TempFolder();
        await File.WriteAllTextAsync(mounted.File("appsettings.json"), built.One<V1ConfigMap>().Data["appsettings.json"], Cancel);

        await using var proxy = await ProxyProcess.StartAsync(["--config", mounted.File("appsettings.json")], Cancel);

        foreach (var probe in new[] { built.Proxy.StartupProbe, built.Proxy.LivenessProbe, built.Proxy.ReadinessProbe })
        {
            Assert.Equal(PortOf(Assert.Single(Defaults.Admin.Listen)), NumberOf(built.Proxy, probe.HttpGet.Port.Value));
            Assert.Equal(200, (await proxy.AdminAsync(probe.HttpGet.Path, Cancel)).Status);
        }

        Assert.Equal(200, (await proxy.AdminAsync(Assert.Single(built.One<PodMonitor>().Spec.PodMetricsEndpoints).Path, Cancel)).Status);
        var resident = (await proxy.ScrapeAsync(Cancel)).Sum("process_resident_memory_bytes");
        Assert.InRange(resident, 1, (double)built.Proxy.Resources.Limits["memory"].ToDecimal());
    }

    [Theory]
    [InlineData("base")]
    [InlineData("classic")]
    public async Task Ends_OfAppAndProxy_FitTheGracePeriod(string folder)
    {
        var built = await Kustomization.BuildAsync(Kustomization.Folder(folder), Cancel);
        var grace = built.Pod.Spec.TerminationGracePeriodSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : DefaultGracePeriod;
        var sleep = built.App.Lifecycle.PreStop.Exec.Command;
        Assert.Equal("sleep", sleep[0]);
        var wait = TimeSpan.FromSeconds(int.Parse(sleep[1], CultureInfo.InvariantCulture));

        if (folder == "classic")
        {
            // The app outlasts the time in which the proxy still takes requests, and the proxy has its time.
            Assert.Null(built.Proxy.Lifecycle);
            Assert.True(wait > Defaults.Health.DrainDelay, $"{wait} is no longer than the drain delay");
            Assert.True(grace >= Defaults.Health.DrainDelay + Defaults.Health.DrainTimeout);
        }
        else
        {
            Assert.Equal("Always", built.Proxy.RestartPolicy);
            Assert.Equal(["/app/timingproxy", "drain", "--no-wait", .. built.Proxy.Args], built.Proxy.Lifecycle.PreStop.Exec.Command);
            Assert.Equal("0s", built.Proxy.Env.Single(variable => variable.Name == EnvironmentNames.Of("Health:DrainDelay")).Value);
            Assert.True(wait < grace);
        }
    }

    private static int PortOf(string listen) => int.Parse(listen[(listen.LastIndexOf(':') + 1)..], CultureInfo.InvariantCulture);

    /// <summary>The number of a port that is given by its name, as probes, services and policies do.</summary>
    private static int NumberOf(V1Container container, string name) => container.Ports.Single(port => port.Name == name).ContainerPort;
}
