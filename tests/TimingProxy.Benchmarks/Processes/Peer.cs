namespace TimingProxy.Benchmarks.Processes;

/// <summary>Ports of a peer's listeners, on the loopback address.</summary>
/// <param name="Plain">HTTP/1.1.</param>
/// <param name="Http2">HTTP/2 with prior knowledge.</param>
/// <param name="Tls">HTTP/1.1 over TLS; 0 where it is not to be had, and costs nothing.</param>
internal readonly record struct PeerPorts(int Plain, int Http2, int Tls);

/// <summary>One of the programs that stand between client and backend.</summary>
/// <param name="Start">Starts it; null for the backend itself, which stands for no proxy at all.</param>
/// <param name="Binary">What is run; null where its size says nothing of the peer.</param>
internal sealed record Peer(string Name, string Version, PeerPorts Ports, Func<RunningProcess>? Start, string? Binary)
{
    public const string Direct = "direct";
    public const string Nginx = "nginx";
    public const string HAProxy = "HAProxy";
    public const string Caddy = "Caddy";
    public const string BareYarp = "bare YARP";
    public const string TimingProxy = "TimingProxy";

    /// <summary>Another build of TimingProxy, which a change is compared with.</summary>
    public const string Before = "the build before";

    /// <summary>Port of the admin surface; only TimingProxy has one.</summary>
    public int AdminPort { get; init; }
}
