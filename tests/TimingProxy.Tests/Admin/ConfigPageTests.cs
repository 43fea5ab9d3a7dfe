using System.Collections;
using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Configuration;
using TimingProxy.Admin;
using TimingProxy.Settings;
using Xunit;

namespace TimingProxy.Tests.Admin;

public sealed class ConfigPageTests
{
    [Fact]
    public void Settings_ByDefault_AreAllThereWithTheirTypes()
    {
        var own = Write(new ProxySettings())["TimingProxy"]!;

        Assert.Equal("""["http://*:8080"]""", own["Listen"]!.ToJsonString());
        Assert.Equal("""{"CheckUpstream":false,"DrainDelay":"5s","DrainTimeout":"20s"}""", own["Health"]!.ToJsonString());
        Assert.Equal("""{"XForwarded":"PassThrough","TrustedPeers":null}""", own["Forwarding"]!.ToJsonString());
        Assert.Null(own["Upstream"]!["Address"]);
        Assert.Equal("100s", own["Upstream"]!["Timeout"]!.GetValue<string>());
        Assert.Equal(30, own["Metrics"]!["Buckets"]!.AsArray()[^1]!.GetValue<double>());
        foreach (var setting in SettingsTable.All)
        {
            JsonNode? node = own;
            string[] path = setting.Key.Split(':');
            foreach (string name in path)
            {
                Assert.True(node!.AsObject().ContainsKey(name), setting.Key);
                node = node[name];
            }
        }
    }

    [Fact]
    public void TrustedPeers_SetToNobody_IsAnEmptyList()
    {
        var settings = new ProxySettings { Forwarding = new ForwardingSettings { TrustedPeers = ImmutableArray<System.Net.IPNetwork>.Empty } };

        Assert.Equal("[]", Write(settings)["TimingProxy"]!["Forwarding"]!["TrustedPeers"]!.ToJsonString());
    }

    [Theory]
    [InlineData("http://user:pa@ss@app:8000/x@y?z@", "http://***@app:8000/x@y?***")]
    [InlineData("h2c://user@app", "h2c://***@app")]
    [InlineData("http://a:b@x;http://c:d@y", "http://***@x;http://***@y")]
    [InlineData("http://app/ready?token=s#top", "http://app/ready?***")]
    [InlineData("http://app?a=http://b?c;http://d/e?f, http://g", "http://app?***;http://d/e?***, http://g")]
    [InlineData("http://app/?", "http://app/?")]
    [InlineData("http://app/@me", "http://app/@me")]
    [InlineData("unix:/run/me@here.sock", "unix:/run/me@here.sock")]
    [InlineData("://@", "://***@")]
    [InlineData("", "")]
    public void UserInfoAndQuery_OfUrls_AreHidden(string text, string expected) => Assert.Equal(expected, Redaction.WithoutSecretsOfUrls(text));

    [Theory]
    [InlineData("Kestrel:Certificates:Default:Password")]
    [InlineData("Kestrel:Endpoints:Https:Certificate:Password")]
    [InlineData("Kestrel:Endpoints:Https:Certificate:Key")]
    [InlineData("ReverseProxy:Clusters:c:Metadata:ApiKey")]
    [InlineData("ReverseProxy:Clusters:c:Metadata:api_key")]
    [InlineData("ReverseProxy:Clusters:c:Metadata:ClientSecret")]
    [InlineData("ReverseProxy:Clusters:c:Metadata:AuthToken")]
    [InlineData("ReverseProxy:Clusters:c:Metadata:Authorization")]
    [InlineData("ReverseProxy:Clusters:c:Metadata:Secrets:0")]
    [InlineData("ReverseProxy:Clusters:c:Metadata:DB_PASSWORD")]
    [InlineData("ReverseProxy:Clusters:c:HealthCheck:Active:Query")]
    [InlineData("reverseproxy:clusters:c:healthcheck:active:query")]
    public void Value_OfASecretKey_IsHidden(string key) =>
        Assert.DoesNotContain("s3cr3t", WriteRaw((key, "s3cr3t")), StringComparison.Ordinal);

    [Theory]
    [InlineData("Kestrel:Certificates:Default:Path")]
    [InlineData("Kestrel:Certificates:Default:KeyPath")]
    [InlineData("ReverseProxy:Clusters:c:SessionAffinity:AffinityKeyName")]
    [InlineData("ReverseProxy:Clusters:c:Destinations:d:Address")]
    [InlineData("ReverseProxy:Routes:token:Match:Path")]
    [InlineData("Logging:LogLevel:App.TokenService")]
    public void Value_OfAnyOtherKey_IsShown(string key) =>
        Assert.Contains("/shown", WriteRaw((key, "/shown")), StringComparison.Ordinal);

    [Theory]
    [InlineData("RequestHeader", "Set")]
    [InlineData("RequestHeader", "Append")]
    [InlineData("requestheader", "set")]
    [InlineData("ResponseHeader", "Set")]
    [InlineData("ResponseTrailer", "Append")]
    [InlineData("QueryValueParameter", "Set")]
    public void Transform_ThatSetsAValue_HasItHidden(string kind, string action)
    {
        string text = WriteRaw(
            ($"ReverseProxy:Routes:r:Transforms:0:{kind}", "X-Api"), ($"ReverseProxy:Routes:r:Transforms:0:{action}", "s3cr3t"));

        Assert.DoesNotContain("s3cr3t", text, StringComparison.Ordinal);
        Assert.Contains("X-Api", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("X-Forwarded", "Set", "For", "Append")]
    [InlineData("HttpMethodChange", "GET", "Set", "POST")]
    [InlineData("PathPrefix", "/api", "RequestHeadersCopy", "true")]
    public void Transform_WithAMode_IsShown(string first, string firstValue, string second, string secondValue)
    {
        string text = WriteRaw(
            ($"ReverseProxy:Routes:r:Transforms:0:{first}", firstValue), ($"ReverseProxy:Routes:r:Transforms:0:{second}", secondValue));

        Assert.DoesNotContain(Redaction.Hidden, text, StringComparison.Ordinal);
    }

    [Fact]
    public void Match_OfAHeaderWithASecretName_HasItsValuesHidden()
    {
        const string Header = "ReverseProxy:Routes:r:Match:Headers:0:";

        Assert.DoesNotContain("s3cr3t", WriteRaw((Header + "Name", "X-Api-Key"), (Header + "Values:0", "s3cr3t")), StringComparison.Ordinal);
        Assert.Contains("shown", WriteRaw((Header + "Name", "X-Tenant"), (Header + "Values:0", "shown")), StringComparison.Ordinal);
    }

    [Fact]
    public void Section_OfOthers_IsShownAsConfigured()
    {
        var document = JsonNode.Parse(WriteRaw(
            ("ReverseProxy:Clusters:c:Destinations:d:Address", "https://user:s3cr3t@app/"),
            ("ReverseProxy:Routes:r:Match:Methods:0", "GET"),
            ("ReverseProxy:Routes:r:Match:Methods:1", "PUT")))!;

        Assert.Equal(
            """{"Clusters":{"c":{"Destinations":{"d":{"Address":"https://***@app/"}}}},"Routes":{"r":{"Match":{"Methods":["GET","PUT"]}}}}""",
            document["ReverseProxy"]!.ToJsonString());
        Assert.Equal("{}", document["Kestrel"]!.ToJsonString());
    }

    [Fact]
    public void Environment_OfOpenTelemetry_IsShownWithoutHeaders()
    {
        var environment = new Hashtable
        {
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://user:s3cr3t@collector:4317",
            ["OTEL_EXPORTER_OTLP_HEADERS"] = "api-key=s3cr3t",
            ["OTEL_EXPORTER_OTLP_METRICS_HEADERS"] = "api-key=s3cr3t",
            ["PATH"] = "/bin",
        };

        var shown = Write(new ProxySettings(), environment: environment)["OpenTelemetry"]!;

        Assert.Equal(
            """{"OTEL_EXPORTER_OTLP_ENDPOINT":"http://***@collector:4317","OTEL_EXPORTER_OTLP_HEADERS":"***","OTEL_EXPORTER_OTLP_METRICS_HEADERS":"***"}""",
            shown.ToJsonString());
    }

    [Fact]
    public void Upstream_WithUserInfo_HasItHidden()
    {
        var settings = new ProxySettings { Upstream = new UpstreamSettings { Address = "http://user:s3cr3t@app:8000" } };

        Assert.Equal("http://***@app:8000", Write(settings)["TimingProxy"]!["Upstream"]!["Address"]!.GetValue<string>());
    }

    private static string WriteRaw(params (string Key, string Value)[] values) =>
        Write(new ProxySettings(), new ConfigurationBuilder()
            .AddInMemoryCollection(values.Select(pair => KeyValuePair.Create(pair.Key, (string?)pair.Value)))
            .Build()).ToJsonString();

    private static JsonNode Write(ProxySettings settings, IConfiguration? configuration = null, IDictionary? environment = null)
    {
        var page = new ConfigPage(new LiveSettings(settings), () => configuration ?? new ConfigurationBuilder().Build());
        return JsonNode.Parse(page.Write(environment ?? new Hashtable()))!;
    }
}
