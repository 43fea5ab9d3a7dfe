using System.Runtime.InteropServices;
using TimingProxy.Benchmarks.Processes;

namespace TimingProxy.Benchmarks.Profile;

/// <summary>
/// Writes what the native compiler is told of the proxies at work: (1) as managed code they are counted, for a profile; (2) compiled with it, they
/// are sampled, for the order of their methods. To compile again afterwards puts both to use.
/// </summary>
internal sealed class NativeGuide(Action<string> say)
{
    public void Write()
    {
        WriteProfiles();
        WriteOrders();
    }

    private void WriteProfiles()
    {
        // The compiler's response files list what is compiled.
        Publish();
        using var programs = new Programs();
        var run = new UsageRun(programs, say);
        string timingProxy = run.Command(Programs.Build(Programs.TimingProxyProject, "timingproxy"));
        string bareYarp = run.Command(Programs.Build(Programs.BareYarpProject, "bareyarp"));
        var (backend, peers) = Peers.Start(programs, withTls: true, timingProxy, bareYarp, say);
        using var stopped = backend;
        Peers.Await(peers[0].Ports.Plain);
        Write(Peer.TimingProxy, Programs.TimingProxyProject, "timingproxy");
        Write(Peer.BareYarp, Programs.BareYarpProject, "bareyarp");

        void Write(string peer, string project, string name)
        {
            run.Run(peers.Single(one => one.Name == peer), name);
            string folder = Path.Combine(Programs.Repository, project);
            string responseFile = Path.Combine(folder, "obj", "Release", "net10.0", RuntimeInformation.RuntimeIdentifier, "native", $"{name}.ilc.rsp");
            string file = FileOf(project, "usage.mibc");
            say($"{CompilerProfile.Write(run.CountsOf(name), responseFile, folder, file)} methods written to {file}");
        }
    }

    private void WriteOrders()
    {
        var (timingProxy, bareYarp) = Publish();
        using var programs = new Programs();
        var (backend, peers) = Peers.Start(programs, withTls: true, timingProxy, bareYarp, say);
        using var stopped = backend;
        Peers.Await(peers[0].Ports.Plain);
        var order = new MethodOrder(programs, say);
        order.Write(peers.Single(peer => peer.Name == Peer.TimingProxy), FileOf(Programs.TimingProxyProject, "methods.order"));
        order.Write(peers.Single(peer => peer.Name == Peer.BareYarp), FileOf(Programs.BareYarpProject, "methods.order"));
    }

    private static (string TimingProxy, string BareYarp) Publish() =>
        (Programs.Publish(Programs.TimingProxyProject, "timingproxy"), Programs.Publish(Programs.BareYarpProject, "bareyarp"));

    private static string FileOf(string project, string name) => Path.Combine(Programs.Repository, project, "Native", name);
}
