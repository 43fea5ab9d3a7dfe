using System.Collections.Immutable;
using System.Net;
using static TimingProxy.Settings.SettingDefinition;
using static TimingProxy.Settings.SettingKinds;

namespace TimingProxy.Settings;

/// <summary>
/// Every setting there is. Reading, errors, the known names, docs/settings.md, the JSON schema and <c>/config</c> all come from this table;
/// defaults come from the records.
/// </summary>
internal static class SettingsTable
{
    public const string Section = "TimingProxy";

    private const bool AtStart = false;

    public static readonly ImmutableArray<SettingDefinition> All =
    [
        Create("Upstream:Address", UpstreamAddress, s => s.Upstream.Address, (s, v) => s with { Upstream = s.Upstream with { Address = v } },
            "The backend: `http://`, `https://`, `h2c://` (HTTP/2 in the clear) or `unix:/path.sock`. Becomes cluster `upstream` and the catch-all route `default`.")
            with { Flag = "--upstream", ShortEnvironment = "TIMINGPROXY_UPSTREAM" },
        Create("Upstream:Timeout", SettingKinds.Duration, s => s.Upstream.Timeout, (s, v) => s with { Upstream = s.Upstream with { Timeout = v } },
            "Longest upstream time before a 504; a slow upload does not count. `0s` is off."),
        Create("Upstream:ConnectTimeout", SettingKinds.Duration, s => s.Upstream.ConnectTimeout, (s, v) => s with { Upstream = s.Upstream with { ConnectTimeout = NotZero(v) } },
            "How long connecting, with TLS, may take before a 504."),
        Create("Upstream:KeepAlive", SettingKinds.Duration, s => s.Upstream.KeepAlive, (s, v) => s with { Upstream = s.Upstream with { KeepAlive = v } },
            "A connection idle for longer is not used again. Keep it below the backend's own (gunicorn: 2 s)."),
        Create("Upstream:ConnectionLifetime", SettingKinds.Duration, s => s.Upstream.ConnectionLifetime, (s, v) => s with { Upstream = s.Upstream with { ConnectionLifetime = v } },
            "A connection older than this takes no new request, and the next one resolves the upstream's name again. `0s` is no limit."),
        Create("Upstream:MaxConnections", Count, s => s.Upstream.MaxConnections, (s, v) => s with { Upstream = s.Upstream with { MaxConnections = v } },
            "Connections to a cluster; requests above it wait (`queue`). 0 is no limit."),
        Create("Listen", ListenAddresses, s => s.Listen, (s, v) => s with { Listen = NotEmpty(v), ListenIsSet = true },
            "Addresses of the traffic port. Wins over `Kestrel:Endpoints`.", AtStart) with { Flag = "--listen" },
        Create("Admin:Listen", ListenAddresses, s => s.Admin.Listen, (s, v) => s with { Admin = new AdminSettings { Listen = NotEmpty(v) } },
            "Addresses of the admin port: metrics, health, insight.", AtStart) with { Flag = "--admin" },
        Create("MaxConcurrentRequests", Count, s => s.MaxConcurrentRequests, (s, v) => s with { MaxConcurrentRequests = v },
            "Requests at a time before a 503 with `Retry-After`. 0 is no limit. An open WebSocket counts as one, idle or not: add their number."),
        Create("Headers:Name", HeaderName, s => s.Headers.Name, (s, v) => s with { Headers = s.Headers with { Name = v } },
            "Name of the timing header."),
        Create("Headers:Existing", Choice<ExistingHeader>(), s => s.Headers.Existing, (s, v) => s with { Headers = s.Headers with { Existing = v } },
            "What to do where the app has set the header itself."),
        Create("Headers:ServerTiming", Switch, s => s.Headers.ServerTiming, (s, v) => s with { Headers = s.Headers with { ServerTiming = v } },
            "Append `Server-Timing` (and, to HTTP/2 clients, a trailer with `total` and `body`)."),
        Create("Headers:RequestStart", Switch, s => s.Headers.RequestStart, (s, v) => s with { Headers = s.Headers with { RequestStart = v } },
            "Send `X-Request-Start: t=<unix microseconds>` to the upstream."),
        Create("Headers:VisibleTo", Networks, s => s.Headers.VisibleTo, (s, v) => s with { Headers = s.Headers with { VisibleTo = v } },
            "Peers that see timing headers; empty is everybody."),
        Create("Forwarding:XForwarded", Choice<XForwarded>(), s => s.Forwarding.XForwarded, (s, v) => s with { Forwarding = s.Forwarding with { XForwarded = v } },
            "What is done with `X-Forwarded-*`: nothing; append the peer to `-For`, and set `-Proto` and `-Host` only where they are absent; or set all three and remove the rest, `X_Forwarded_*` too (for a proxy that is the edge)."),
        Create("Forwarding:TrustedPeers", Networks, s => s.Forwarding.TrustedPeers ?? [], (s, v) => s with { Forwarding = s.Forwarding with { TrustedPeers = v } },
            "From anybody else `X-Forwarded-*` (or `X_Forwarded_*`) and `Forwarded` are removed. Unset is everybody."),
        Create("Metrics:Buckets", Buckets, s => s.Metrics.Buckets, (s, v) => s with { Metrics = s.Metrics with { Buckets = NotEmpty(v) } },
            "Bounds of the histograms, in seconds.", AtStart),
        Create("Metrics:SloMs", Objectives, s => s.Metrics.SloMs, (s, v) => s with { Metrics = s.Metrics with { SloMs = v } },
            "Objectives in milliseconds; each adds exact bounds at T and 4T.", AtStart),
        Create("Metrics:MaxRoutes", PositiveCount, s => s.Metrics.MaxRoutes, (s, v) => s with { Metrics = s.Metrics with { MaxRoutes = v } },
            "Values of the `route` label before `_other` takes the rest. More routes than that in the configuration are a warning.", AtStart),
        Create("Metrics:MaxSeries", SeriesCount, s => s.Metrics.MaxSeries, (s, v) => s with { Metrics = s.Metrics with { MaxSeries = v } },
            "Label sets of one histogram before `_other` takes the rest.", AtStart),
        Create("Metrics:Routes", RouteTemplates, s => s.Metrics.Routes, (s, v) => s with { Metrics = s.Metrics with { Routes = v } },
            "Declared route templates, like `/articles/{slug}`, matched as ASP.NET route patterns."),
        Create("Metrics:LearnRoutes", Switch, s => s.Metrics.LearnRoutes, (s, v) => s with { Metrics = s.Metrics with { LearnRoutes = v } },
            "Use learned templates as route labels of the metrics (the insight page always does)."),
        Create("Health:CheckUpstream", Switch, s => s.Health.CheckUpstream, (s, v) => s with { Health = s.Health with { CheckUpstream = v } },
            "Readiness also asks whether an upstream accepts connections."),
        Create("Health:DrainDelay", SettingKinds.Duration, s => s.Health.DrainDelay, (s, v) => s with { Health = s.Health with { DrainDelay = v } },
            "How long everything is still served after SIGTERM, while load balancers look away."),
        Create("Health:DrainTimeout", SettingKinds.Duration, s => s.Health.DrainTimeout, (s, v) => s with { Health = s.Health with { DrainTimeout = v } },
            "How long requests in flight get once the listeners are closed."),
        Create("AccessLog:Enabled", Switch, s => s.AccessLog.Enabled, (s, v) => s with { AccessLog = s.AccessLog with { Enabled = v } },
            "One JSON line a request on stdout."),
        Create("AccessLog:SlowMs", Milliseconds, s => s.AccessLog.SlowMs, (s, v) => s with { AccessLog = s.AccessLog with { SlowMs = v } },
            "Log only requests whose total time is above this. 0 is all."),
    ];

    /// <summary>What is in force once <paramref name="next"/> is taken: settings that are read at the start stay as they were then.</summary>
    public static ProxySettings InForce(ProxySettings next, ProxySettings start)
    {
        var settings = All.Where(setting => !setting.Reloads).Aggregate(next, (taken, setting) => setting.Read(taken, setting.Show(start)));
        return settings with { ListenIsSet = start.ListenIsSet };
    }

    private static ImmutableArray<T> NotEmpty<T>(ImmutableArray<T> values) =>
        values.IsEmpty ? throw new FormatException("must not be empty") : values;

    private static TimeSpan NotZero(TimeSpan value) =>
        value == TimeSpan.Zero ? throw new FormatException("must be above 0, like 15s") : value;
}
