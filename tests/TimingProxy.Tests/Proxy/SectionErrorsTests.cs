using System.Text;
using Microsoft.Extensions.Configuration;
using TimingProxy.Proxy;
using TimingProxy.Settings;
using TimingProxy.Tests.Docs;

namespace TimingProxy.Tests.Proxy;

/// <summary>What YARP's reader passes over or fails with, found in the <c>ReverseProxy</c> section before it is read.</summary>
public sealed class SectionErrorsTests
{
    private const string Route = "ReverseProxy:Routes:r";
    private const string Cluster = "ReverseProxy:Clusters:c";

    /// <summary>Every key that the documentation of YARP knows.</summary>
    private const string Everything =
        """
        {
          "Routes": {
            "r": {
              "ClusterId": "c", "Order": -1, "MaxRequestBodySize": 1000000, "Timeout": "00:00:01",
              "Match": {
                "Path": "/a/{**rest}", "Hosts": ["a.example"], "Methods": ["GET"],
                "Headers": [{ "Name": "X", "Values": ["1"], "Mode": "ExactHeader", "IsCaseSensitive": true }],
                "QueryParameters": [{ "Name": "q", "Values": ["1"], "Mode": "Exact", "IsCaseSensitive": true }]
              },
              "Metadata": { "Any": "thing" },
              "Transforms": [{ "PathPrefix": "/p" }, { "ResponseHeader": "X", "Append": "1" }]
            },
            "plain": { "clusterid": "c", "match": { "PATH": "/b" } }
          },
          "Clusters": {
            "c": {
              "LoadBalancingPolicy": "Random",
              "SessionAffinity": {
                "Enabled": true, "Policy": "Cookie", "FailurePolicy": "Redistribute", "AffinityKeyName": "k",
                "Cookie": {
                  "Domain": "a.example", "Expiration": "400.00:00:00", "HttpOnly": true, "IsEssential": true, "MaxAge": "00:10:00",
                  "Path": "/", "SameSite": "Strict", "SecurePolicy": "Always"
                }
              },
              "HealthCheck": {
                "AvailableDestinationsPolicy": "HealthyOrPanic",
                "Active": { "Enabled": true, "Interval": "00:00:10", "Timeout": "00:00:10.5", "Policy": "ConsecutiveFailures", "Path": "/h", "Query": "?a=1" },
                "Passive": { "Enabled": true, "Policy": "TransportFailureRate", "ReactivationPeriod": "00:00:10" }
              },
              "HttpClient": {
                "SslProtocols": ["Tls12", "Tls13"], "DangerousAcceptAnyServerCertificate": false, "MaxConnectionsPerServer": 8,
                "EnableMultipleHttp2Connections": true, "RequestHeaderEncoding": "Latin1", "ResponseHeaderEncoding": "Latin1",
                "WebProxy": { "Address": "http://127.0.0.1:3128", "BypassOnLocal": true, "UseDefaultCredentials": false }
              },
              "HttpRequest": { "ActivityTimeout": "00:02:00", "Version": 2, "VersionPolicy": "RequestVersionOrLower", "AllowResponseBuffering": false },
              "Destinations": {
                "one": { "Address": "http://127.0.0.1:1", "Health": "http://127.0.0.1:2", "Host": "a.example", "Metadata": { "Any": "thing" } }
              },
              "Metadata": { "Any": "thing" }
            }
          }
        }
        """;

    [Fact]
    public async Task Errors_OfEveryKeyThatIsRead_AreNone()
    {
        var configuration = Parse(Everything);

        Assert.Empty(SectionErrors.Of(configuration.GetSection("ReverseProxy")));
        Assert.Empty((await ProxyConfigReader.ReadAsync(new ProxySettings(), configuration)).Errors);
    }

    [Theory]
    [InlineData("""{ "Match": { "Host": ["a.example"] } }""", $"{Route}:Match:Host: ", $"{Route}:Match:Hosts")]
    [InlineData("""{ "Mach": { "Path": "/a" } }""", $"{Route}:Mach: ", $"{Route}:Match")]
    [InlineData("""{ "Path": "/a" }""", $"{Route}:Path = \"/a\": ", $"{Route}:Match:Path")]
    [InlineData("""{ "Match": { "Headers": [{ "Nam": "X" }] } }""", $"{Route}:Match:Headers:0:Nam = \"X\": ", $"{Route}:Match:Headers:0:Name")]
    public void Errors_OfAnUnknownKeyOfARoute_NameItAndTheNearest(string route, string named, string nearest) =>
        AssertNearest($$"""{ "Routes": { "r": {{route}} } }""", named, nearest);

    [Theory]
    [InlineData("""{ "Destination": { "one": { "Address": "http://a:1" } } }""", $"{Cluster}:Destination: ", $"{Cluster}:Destinations")]
    [InlineData("""{ "Destinations": { "one": { "Adress": "http://a:1" } } }""", $"{Cluster}:Destinations:one:Adress = \"http://a:1\": ", $"{Cluster}:Destinations:one:Address")]
    [InlineData("""{ "HealthCheck": { "Active": { "Intervall": "00:00:01" } } }""", $"{Cluster}:HealthCheck:Active:Intervall = \"00:00:01\": ", $"{Cluster}:HealthCheck:Active:Interval")]
    [InlineData("""{ "ActivityTimeout": "00:00:01" }""", $"{Cluster}:ActivityTimeout = \"00:00:01\": ", $"{Cluster}:HttpRequest:ActivityTimeout")]
    public void Errors_OfAnUnknownKeyOfACluster_NameItAndTheNearest(string cluster, string named, string nearest) =>
        AssertNearest($$"""{ "Clusters": { "c": {{cluster}} } }""", named, nearest);

    [Fact]
    public void Errors_OfAnUnknownKeyOfTheSection_NameItAndTheNearest() =>
        AssertNearest("""{ "Route": { "r": { "ClusterId": "c" } } }""", "ReverseProxy:Route: ", "ReverseProxy:Routes");

    [Theory]
    [InlineData("""{ "Match": { "Hosts": "a.example" } }""", $"{Route}:Match:Hosts = \"a.example\"", "write [\"a.example\"]")]
    [InlineData("""{ "Match": { "Methods": "GET" } }""", $"{Route}:Match:Methods = \"GET\"", "write [\"GET\"]")]
    [InlineData("""{ "Match": "/a" }""", $"{Route}:Match = \"/a\"", "set Path, Hosts, Methods")]
    [InlineData("""{ "Match": { "Path": ["/a"] } }""", $"{Route}:Match:Path", "takes one value")]
    [InlineData("""{ "Transforms": "PathPrefix" }""", $"{Route}:Transforms = \"PathPrefix\"", "an object or array")]
    [InlineData("""{ "RouteId": "r" }""", $"{Route}:RouteId = \"r\"", "write \"r\": { … } in place of a list")]
    public void Errors_OfAWrongShape_NameKeyAndMend(string route, string named, string mend) =>
        AssertIsOne($$"""{ "Routes": { "r": {{route}} } }""", named, mend);

    [Theory]
    [InlineData("""{ "Order": "first" }""", $"{Route}:Order = \"first\"", "whole number")]
    [InlineData("""{ "MaxRequestBodySize": "1MB" }""", $"{Route}:MaxRequestBodySize = \"1MB\"", "whole number")]
    [InlineData("""{ "Match": { "Headers": [{ "Name": "X", "Mode": "Exact" }] } }""", $"{Route}:Match:Headers:0:Mode = \"Exact\"", "ExactHeader, HeaderPrefix")]
    [InlineData("""{ "Match": { "Headers": [{ "Name": "X", "IsCaseSensitive": "yes" }] } }""", $"{Route}:Match:Headers:0:IsCaseSensitive = \"yes\"", "true or false")]
    [InlineData("""{ "Timeout": "1" }""", $"{Route}:Timeout = \"1\"", "write \"00:00:01\"")]
    [InlineData("""{ "Timeout": 90 }""", $"{Route}:Timeout = \"90\"", "write \"00:01:30\"")]
    [InlineData("""{ "Timeout": "250ms" }""", $"{Route}:Timeout = \"250ms\"", "write \"00:00:00.2500000\"")]
    [InlineData("""{ "Timeout": "soon" }""", $"{Route}:Timeout = \"soon\"", "write \"00:00:01\"")]
    [InlineData("""{ "Timeout": "100.00:00:00" }""", $"{Route}:Timeout = \"100.00:00:00\"", "write \"24.00:00:00\" or less")]
    public void Errors_OfABadValueOfARoute_NameKeyValueAndMend(string route, string named, string mend) =>
        AssertIsOne($$"""{ "Routes": { "r": {{route}} } }""", named, mend);

    [Theory]
    [InlineData("""{ "HttpRequest": { "ActivityTimeout": "100" } }""", $"{Cluster}:HttpRequest:ActivityTimeout = \"100\"", "write \"00:01:40\"")]
    [InlineData("""{ "HealthCheck": { "Active": { "Interval": 10 } } }""", $"{Cluster}:HealthCheck:Active:Interval = \"10\"", "write \"00:00:10\"")]
    [InlineData("""{ "SessionAffinity": { "Cookie": { "MaxAge": 60 } } }""", $"{Cluster}:SessionAffinity:Cookie:MaxAge = \"60\"", "write \"00:01:00\"")]
    [InlineData("""{ "HttpRequest": { "Version": "3" } }""", $"{Cluster}:HttpRequest:Version = \"3\"", "not supported; write \"2\"")]
    [InlineData("""{ "HttpRequest": { "Version": "3.0" } }""", $"{Cluster}:HttpRequest:Version = \"3.0\"", "not supported; write \"2\"")]
    [InlineData("""{ "HttpRequest": { "Version": "two" } }""", $"{Cluster}:HttpRequest:Version = \"two\"", "write \"1.1\" or \"2\"")]
    [InlineData("""{ "HttpClient": { "SslProtocols": ["Tls14"] } }""", $"{Cluster}:HttpClient:SslProtocols:0 = \"Tls14\"", "Tls13")]
    [InlineData("""{ "HttpClient": { "WebProxy": { "Address": "squid" } } }""", $"{Cluster}:HttpClient:WebProxy:Address = \"squid\"", "write http://host:port")]
    public void Errors_OfABadValueOfACluster_NameKeyValueAndMend(string cluster, string named, string mend) =>
        AssertIsOne($$"""{ "Clusters": { "c": {{cluster}} } }""", named, mend);

    [Fact]
    public async Task Read_ValueThatYarpCannotRead_IsAnErrorAmongTheOthers()
    {
        var routes = await ReadAsync("""{ "Routes": { "r": { "Order": "first", "Timeout": "x" } } }""");

        Assert.Equal([$"{Route}:Order", $"{Route}:Timeout"], routes.Errors.Select(error => error.Key).Order());
        Assert.Empty(routes.Routes);
    }

    [Theory]
    [InlineData("config/examples/many-routes.json")]
    public async Task Errors_OfAnExample_AreNone(string example)
    {
        var configuration = new ConfigurationBuilder().AddJsonFile(Repository.PathOf(example)).Build();

        Assert.Empty((await ProxyConfigReader.ReadAsync(new ProxySettings(), configuration)).Errors);
    }

    private static void AssertNearest(string section, string named, string nearest) =>
        AssertIsOne(section, named, $"there is no such key, it would be passed over; the nearest is {nearest}");

    private static void AssertIsOne(string section, string named, string mend)
    {
        var error = Assert.Single(SectionErrors.Of(Parse(section).GetSection("ReverseProxy")));

        Assert.StartsWith(named, error.Message, StringComparison.Ordinal);
        Assert.StartsWith(error.Key, error.Message, StringComparison.Ordinal);
        Assert.Contains(mend, error.Message, StringComparison.Ordinal);
    }

    private static ValueTask<ProxyRoutes> ReadAsync(string section) => ProxyConfigReader.ReadAsync(new ProxySettings(), Parse(section));

    private static IConfigurationRoot Parse(string section) => new ConfigurationBuilder()
        .AddJsonStream(new MemoryStream(Encoding.UTF8.GetBytes($$"""{ "ReverseProxy": {{section}} }""")))
        .Build();
}
