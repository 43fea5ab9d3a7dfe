using System.Net;
using System.Security.Authentication;
using Microsoft.AspNetCore.Http;
using Yarp.ReverseProxy.Configuration;
using static TimingProxy.Proxy.SectionPart;
using static TimingProxy.Proxy.SectionValues;

namespace TimingProxy.Proxy;

/// <summary>
/// Every key that YARP's reader (<c>ConfigurationConfigProvider</c>) asks for. It passes over all others in silence, and over values that stand
/// where it expects an array or an object: a condition that is lost so makes its route match more than was meant.
/// </summary>
internal static class SectionShape
{
    private static readonly SectionPart Match = new Keys(
        ("Path", new Value(Text)),
        ("Hosts", new Values(Text)),
        ("Methods", new Values(Text)),
        ("Headers", new Each(Condition<HeaderMatchMode>())),
        ("QueryParameters", new Each(Condition<QueryParameterMatchMode>())));

    private static readonly SectionPart Route = new Keys(
        ("ClusterId", new Value(Text)),
        ("Match", Match),
        ("Order", new Value(Whole)),
        ("MaxRequestBodySize", new Value(LongWhole)),
        ("Timeout", new Value(Duration)),
        ("TimeoutPolicy", new Value(Text)),
        ("AuthorizationPolicy", new Value(Text)),
        ("RateLimiterPolicy", new Value(Text)),
        ("OutputCachePolicy", new Value(Text)),
        ("CorsPolicy", new Value(Text)),
        ("Metadata", new Free()),
        ("Transforms", new Free()))
    {
        IdOfAList = "RouteId",
    };

    private static readonly SectionPart SessionAffinity = new Keys(
        ("Enabled", new Value(Switch)),
        ("Policy", new Value(Text)),
        ("FailurePolicy", new Value(Text)),
        ("AffinityKeyName", new Value(Text)),
        ("Cookie", new Keys(
            ("Path", new Value(Text)),
            ("Domain", new Value(Text)),
            ("SameSite", new Value(Choice<SameSiteMode>)),
            ("SecurePolicy", new Value(Choice<CookieSecurePolicy>)),
            ("HttpOnly", new Value(Switch)),
            ("IsEssential", new Value(Switch)),
            ("MaxAge", new Value(LongDuration)),
            ("Expiration", new Value(LongDuration)))));

    private static readonly SectionPart HealthCheck = new Keys(
        ("AvailableDestinationsPolicy", new Value(Text)),
        ("Passive", new Keys(
            ("Enabled", new Value(Switch)),
            ("Policy", new Value(Text)),
            ("ReactivationPeriod", new Value(Duration)))),
        ("Active", new Keys(
            ("Enabled", new Value(Switch)),
            ("Interval", new Value(Duration)),
            ("Timeout", new Value(Duration)),
            ("Policy", new Value(Text)),
            ("Path", new Value(Text)),
            ("Query", new Value(Text)))));

    private static readonly SectionPart HttpClient = new Keys(
        ("SslProtocols", new Values(Choice<SslProtocols>)),
        ("DangerousAcceptAnyServerCertificate", new Value(Switch)),
        ("MaxConnectionsPerServer", new Value(Whole)),
        ("EnableMultipleHttp2Connections", new Value(Switch)),
        ("RequestHeaderEncoding", new Value(Text)),
        ("ResponseHeaderEncoding", new Value(Text)),
        ("WebProxy", new Keys(
            ("Address", new Value(Address)),
            ("BypassOnLocal", new Value(Switch)),
            ("UseDefaultCredentials", new Value(Switch)))));

    private static readonly SectionPart HttpRequest = new Keys(
        ("ActivityTimeout", new Value(Duration)),
        ("Version", new Value(HttpVersion)),
        ("VersionPolicy", new Value(Choice<HttpVersionPolicy>)),
        ("AllowResponseBuffering", new Value(Switch)));

    private static readonly SectionPart Cluster = new Keys(
        ("LoadBalancingPolicy", new Value(Text)),
        ("SessionAffinity", SessionAffinity),
        ("HealthCheck", HealthCheck),
        ("HttpClient", HttpClient),
        ("HttpRequest", HttpRequest),
        ("Destinations", new Each(new Keys(
            ("Address", new Value(Text)),
            ("Health", new Value(Text)),
            ("Host", new Value(Text)),
            ("Metadata", new Free())))),
        ("Metadata", new Free()))
    {
        IdOfAList = "ClusterId",
    };

    /// <summary>The section as a whole.</summary>
    public static readonly SectionPart Section = new Keys(("Routes", new Each(Route)), ("Clusters", new Each(Cluster)));

    private static Keys Condition<TMode>()
        where TMode : struct, Enum => new(
            ("Name", new Value(Text)),
            ("Values", new Values(Text)),
            ("Mode", new Value(Choice<TMode>)),
            ("IsCaseSensitive", new Value(Switch)));
}
