using System.Collections.Immutable;
using System.Net;

namespace TimingProxy.Settings;

/// <summary>
/// Every setting under <c>TimingProxy:</c> as one immutable value. A reload reads a whole new one and swaps it in;
/// nothing ever sees half of a change. Defaults stand here and nowhere else.
/// </summary>
internal sealed record ProxySettings
{
    /// <summary>Addresses of the traffic port: <c>http://host:port</c>, <c>https://host:port</c> or <c>http://unix:/path</c>.</summary>
    public ImmutableArray<string> Listen { get; init; } = ["http://*:8080"];

    /// <summary>Whether <see cref="Listen"/> was set by the user; only then does it win over <c>Kestrel:Endpoints</c>.</summary>
    public bool ListenIsSet { get; init; }

    /// <summary>Requests being worked on at a time before a 503 is answered; 0 is no limit.</summary>
    public int MaxConcurrentRequests { get; init; }

    public UpstreamSettings Upstream { get; init; } = new();

    public AdminSettings Admin { get; init; } = new();

    public HeaderSettings Headers { get; init; } = new();

    public ForwardingSettings Forwarding { get; init; } = new();

    public MetricsSettings Metrics { get; init; } = new();

    public HealthSettings Health { get; init; } = new();

    public AccessLogSettings AccessLog { get; init; } = new();
}

/// <summary>The backend of the one-upstream shorthand, and how any upstream is talked to.</summary>
internal sealed record UpstreamSettings
{
    /// <summary><c>http://</c>, <c>https://</c>, <c>h2c://</c> or <c>unix:/path.sock</c>; null where only <c>ReverseProxy</c> is used.</summary>
    public string? Address { get; init; }

    /// <summary>Longest upstream time of a request before it is answered with 504; <see cref="TimeSpan.Zero"/> is off.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(100);

    /// <summary>How long connecting (with TLS) may take before it is answered with 504.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>A connection idle for longer is not used again. Below the backend's own keep-alive (gunicorn: 2 s).</summary>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Longest life of a connection; a new one resolves the upstream's name again. <see cref="TimeSpan.Zero"/> is no limit.</summary>
    public TimeSpan ConnectionLifetime { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Connections to a cluster; requests above it wait (<c>queue</c>). 0 is no limit.</summary>
    public int MaxConnections { get; init; }
}

internal sealed record AdminSettings
{
    /// <summary>Addresses of the admin port, in the form of <see cref="ProxySettings.Listen"/>.</summary>
    public ImmutableArray<string> Listen { get; init; } = ["http://*:9464"];
}

/// <summary>What to do with a timing header that the app itself has set.</summary>
internal enum ExistingHeader
{
    /// <summary>Replace it: one value, ours.</summary>
    Overwrite,

    /// <summary>Leave the app's value in place.</summary>
    Keep,
}

internal sealed record HeaderSettings
{
    public string Name { get; init; } = "X-Render-MS";

    public ExistingHeader Existing { get; init; } = ExistingHeader.Overwrite;

    /// <summary>Append <c>Server-Timing</c> to responses.</summary>
    public bool ServerTiming { get; init; }

    /// <summary>Send <c>X-Request-Start: t=&lt;unix microseconds&gt;</c> to the upstream.</summary>
    public bool RequestStart { get; init; }

    /// <summary>Peers that see timing headers; empty is everybody.</summary>
    public ImmutableArray<IPNetwork> VisibleTo { get; init; } = [];
}

/// <summary>What is done with <c>X-Forwarded-*</c> on the way to the upstream.</summary>
internal enum XForwarded
{
    PassThrough,
    Append,
    Set,
}

internal sealed record ForwardingSettings
{
    public XForwarded XForwarded { get; init; } = XForwarded.PassThrough;

    /// <summary>Peers whose forwarding headers are believed; null is everybody, since nothing was said of trust.</summary>
    public ImmutableArray<IPNetwork>? TrustedPeers { get; init; }
}

internal sealed record MetricsSettings
{
    /// <summary>Histogram bounds in seconds, ascending.</summary>
    public ImmutableArray<double> Buckets { get; init; } =
        [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

    /// <summary>Objectives in milliseconds; each adds exact bounds at T and 4T.</summary>
    public ImmutableArray<double> SloMs { get; init; } = [];

    /// <summary>Values of the <c>route</c> label before <c>_other</c> takes the rest.</summary>
    public int MaxRoutes { get; init; } = 100;

    /// <summary>Label sets of one histogram before <c>_other</c> takes the rest.</summary>
    public int MaxSeries { get; init; } = 1000;

    /// <summary>Declared route templates, matched as ASP.NET route patterns.</summary>
    public ImmutableArray<string> Routes { get; init; } = [];

    /// <summary>Use learned templates as route labels of the metrics (the insight page always does).</summary>
    public bool LearnRoutes { get; init; }
}

internal sealed record HealthSettings
{
    /// <summary>Readiness also asks whether an upstream accepts connections.</summary>
    public bool CheckUpstream { get; init; }

    /// <summary>How long everything is still served after SIGTERM, while load balancers look away.</summary>
    public TimeSpan DrainDelay { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long requests in flight get once the listeners are closed.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(20);
}

internal sealed record AccessLogSettings
{
    public bool Enabled { get; init; }

    /// <summary>Log only requests whose total time is above this many milliseconds; 0 is all.</summary>
    public double SlowMs { get; init; }
}
