using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace TimingProxy.Benchmarks.Processes;

/// <summary>
/// The backend and everything that may stand in front of it, each set up for the nearest same job: pass everything on unbuffered, keep
/// connections to the backend, and give its time in <c>X-Render-MS</c>.
/// </summary>
internal static class Peers
{
    /// <summary>All peers that are installed, those built here as fresh copies; what is missing is told to <paramref name="missing"/>.</summary>
    /// <param name="withTls">Whether they listen with TLS as well, which takes memory and start-up time.</param>
    /// <param name="bareYarp">Its binary; null leaves it out.</param>
    public static (RunningProcess Backend, Peer[] Peers) Start(Programs programs, bool withTls, string timingProxy, string? bareYarp, Action<string> missing)
    {
        string nginx = Programs.Find("nginx") ?? throw new InvalidOperationException("nginx is the backend of all measurements: apt-get install nginx-light");
        var backend = FreePorts(withTls);
        var process = RunningProcess.Start(nginx, "-e", "stderr", "-c", programs.Write("backend.conf", Configurations.Backend(programs, backend)));
        var peers = new List<Peer> { new(Peer.Direct, VersionOf(nginx, "-v"), backend, null, null) };

        var ports = FreePorts(withTls);
        string file = programs.Write("nginx.conf", Configurations.Nginx(programs, ports, backend.Plain));
        peers.Add(new Peer(Peer.Nginx, VersionOf(nginx, "-v"), ports, () => RunningProcess.Start(nginx, "-e", "stderr", "-c", file), nginx));
        Add(Peer.HAProxy, "haproxy", "-v", (binary, at) =>
        {
            string config = programs.Write("haproxy.cfg", Configurations.HAProxy(programs, at, backend.Plain));
            return () => RunningProcess.Start(binary, "-db", "-f", config);
        });
        Add(Peer.Caddy, "caddy", "version", (binary, at) =>
        {
            string config = programs.Write("Caddyfile", Configurations.Caddy(programs, at, backend.Plain));
            return () => RunningProcess.Start(binary, "run", "--config", config);
        });

        if (bareYarp is not null)
        {
            var yarp = FreePorts(withTls);
            peers.Add(new Peer(Peer.BareYarp, "2.3.0", yarp, () => RunningProcess.Start(programs.FreshCopy(bareYarp), Arguments(yarp, backend.Plain, programs)), bareYarp));
        }

        if (Programs.Before is { } before)
        {
            AddOwn(Peer.Before, before);
        }

        AddOwn(Peer.TimingProxy, timingProxy);
        return (process, [.. peers]);

        void AddOwn(string name, string binary)
        {
            var at = FreePorts(withTls);
            int admin = FreePort();
            string settings = programs.Write($"timingproxy-{admin}.json", Configurations.TimingProxy(programs, at, admin, backend.Plain));
            peers.Add(new Peer(name, VersionOf(binary, "--version"), at, () => RunningProcess.Start(programs.FreshCopy(binary), "--config", settings), binary) { AdminPort = admin });
        }

        void Add(string name, string binary, string versionFlag, Func<string, PeerPorts, Func<RunningProcess>> configure)
        {
            if (Programs.Find(binary) is not { } path)
            {
                missing($"{name} is not installed (apt-get install {binary}) and is left out");
                return;
            }

            var at = FreePorts(withTls);
            peers.Add(new Peer(name, VersionOf(path, versionFlag), at, configure(path, at), path));
        }
    }

    /// <summary>Waits until somebody listens on a port.</summary>
    public static void Await(int port)
    {
        long limit = Stopwatch.GetTimestamp() + (10 * Stopwatch.Frequency);
        while (!TryConnect(port))
        {
            if (Stopwatch.GetTimestamp() > limit)
            {
                throw new InvalidOperationException($"Nobody listens on port {port}.");
            }

            // A foreign program does not say when it listens.
            Thread.Sleep(10);
        }
    }

    public static bool TryConnect(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Connect(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static PeerPorts FreePorts(bool withTls) => new(FreePort(), FreePort(), withTls ? FreePort() : 0);

    private static string[] Arguments(PeerPorts at, int upstream, Programs programs) =>
    [
        .. new[] { at.Plain, at.Http2, at.Tls, upstream }.Select(port => port.ToString(CultureInfo.InvariantCulture)),
        programs.CertificateFile,
        programs.KeyFile,
    ];

    private static string VersionOf(string binary, string flag)
    {
        using var process = Process.Start(new ProcessStartInfo(binary, [flag]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        string text = process.StandardOutput.ReadToEnd() + process.StandardError.ReadToEnd();
        process.WaitForExit();
        return text.Split([' ', '/', '\n', '-'], StringSplitOptions.RemoveEmptyEntries).FirstOrDefault(word => char.IsAsciiDigit(word.TrimStart('v')[0])) ?? "";
    }
}
