using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using TimingProxy.Settings;
using Xunit;

namespace TimingProxy.Tests.Admin;

public sealed class AdminEndpointsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("GET", "/", 200, null)]
    [InlineData("GET", "/insight.json", 200, null)]
    [InlineData("GET", "/metrics", 200, null)]
    [InlineData("GET", "/livez", 200, null)]
    [InlineData("GET", "/readyz", 200, null)]
    [InlineData("GET", "/readyz?verbose", 200, null)]
    [InlineData("GET", "/config", 200, null)]
    [InlineData("POST", "/drain", 200, null)]
    [InlineData("HEAD", "/", 200, null)]
    [InlineData("HEAD", "/metrics", 200, null)]
    [InlineData("HEAD", "/readyz", 200, null)]
    [InlineData("HEAD", "/config", 200, null)]
    [InlineData("GET", "/drain", 405, "POST")]
    [InlineData("HEAD", "/drain", 405, "POST")]
    [InlineData("POST", "/", 405, "GET, HEAD")]
    [InlineData("PUT", "/metrics", 405, "GET, HEAD")]
    [InlineData("OPTIONS", "/config", 405, "GET, HEAD")]
    [InlineData("GET", "/metrics/", 404, null)]
    [InlineData("GET", "/METRICS", 404, null)]
    [InlineData("GET", "/articles/1", 404, null)]
    [InlineData("DELETE", "/articles/1", 404, null)]
    public async Task Endpoint_ByPathAndMethod_AnswersAsTheTableSays(string method, string path, int status, string? allow)
    {
        await using var host = await AdminHost.StartAsync();
        using var request = new HttpRequestMessage(new HttpMethod(method), path);

        using var answer = await host.Admin.SendAsync(request, Cancel);

        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal(allow, answer.Content.Headers.Allow.Count == 0 ? null : string.Join(", ", answer.Content.Headers.Allow));
        Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.True(answer.Headers.CacheControl!.NoStore);
        Assert.StartsWith("default-src 'none'", answer.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        bool hasBody = (await answer.Content.ReadAsByteArrayAsync(Cancel)).Length > 0;
        Assert.Equal(method != "HEAD", hasBody);
    }

    [Theory]
    [InlineData("/metrics")]
    [InlineData("/readyz")]
    [InlineData("/config")]
    [InlineData("/drain")]
    public async Task TrafficPort_WithAdminPathAndHost_IsTraffic(string path)
    {
        await using var host = await AdminHost.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, path);
        request.Headers.Host = host.Admin.BaseAddress!.Authority;

        using var answer = await host.Traffic.SendAsync(request, Cancel);

        Assert.Equal("traffic", await answer.Content.ReadAsStringAsync(Cancel));
        Assert.False(host.Readiness.Draining.IsCancellationRequested);
    }

    [Fact]
    public async Task AdminPort_WithTheTrafficHost_IsAdmin()
    {
        await using var host = await AdminHost.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/articles");
        request.Headers.Host = host.Traffic.BaseAddress!.Authority;

        using var answer = await host.Admin.SendAsync(request, Cancel);

        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
    }

    [Fact]
    public async Task Insight_PageAndData_AreAnswered()
    {
        await using var host = await AdminHost.StartAsync();

        Assert.Equal("insight", await host.Admin.GetStringAsync("/", Cancel));
        Assert.Equal("{}", await host.Admin.GetStringAsync("/insight.json", Cancel));
    }

    [Fact]
    public async Task Readyz_WhileDraining_Is503AndLivezIsNot()
    {
        await using var host = await AdminHost.StartAsync();
        Assert.Equal("ready\n", await host.Admin.GetStringAsync("/readyz", Cancel));

        host.Readiness.MarkDraining();

        using var ready = await host.Admin.GetAsync("/readyz", Cancel);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
        Assert.Equal("not ready: draining\n", await ready.Content.ReadAsStringAsync(Cancel));
        using var live = await host.Admin.GetAsync("/livez", Cancel);
        Assert.Equal(HttpStatusCode.OK, live.StatusCode);
    }

    [Fact]
    public async Task Readyz_WithAnotherReason_Is503AndNamesIt()
    {
        await using var host = await AdminHost.StartAsync(whyNotReady: "no upstream accepts connections");

        using var answer = await host.Admin.GetAsync("/readyz", Cancel);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal("not ready: no upstream accepts connections\n", await answer.Content.ReadAsStringAsync(Cancel));
    }

    [Theory]
    [InlineData("localhost", "127.0.0.1", true)]
    [InlineData("LOCALHOST:9464", "127.0.0.1", true)]
    [InlineData("127.0.0.1:1", "127.8.9.10", true)]
    [InlineData("127.1.2.3", "127.0.0.1", true)]
    [InlineData("[::1]:9464", "::1", true)]
    [InlineData("localhost", "::ffff:127.0.0.2", true)]
    [InlineData("localhost", null, true)]
    [InlineData("localhost", "10.0.0.1", false)]
    [InlineData("localhost", "::ffff:10.0.0.1", false)]
    [InlineData("localhost", "fe80::1", false)]
    [InlineData("evil.example", "127.0.0.1", false)]
    [InlineData("localhost.evil.example", "127.0.0.1", false)]
    [InlineData("127.0.0.1.evil.example", "127.0.0.1", false)]
    [InlineData("10.0.0.1", "127.0.0.1", false)]
    [InlineData("[::2]", "::1", false)]
    public async Task Drain_ByPeerAndHost_IsTakenFromThisMachineOnly(string hostHeader, string? peer, bool isTaken)
    {
        await using var host = await AdminHost.StartAsync(before: context =>
        {
            context.Connection.RemoteIpAddress = peer is null ? null : IPAddress.Parse(peer);
            return true;
        });
        using var request = new HttpRequestMessage(HttpMethod.Post, "/drain");
        request.Headers.Host = hostHeader;

        using var answer = await host.Admin.SendAsync(request, Cancel);

        Assert.Equal(isTaken ? HttpStatusCode.OK : HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.Equal(isTaken, host.Readiness.Draining.IsCancellationRequested);
    }

    [Fact]
    public async Task Drain_PostedByAWebPage_IsRefused()
    {
        await using var host = await AdminHost.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/drain");
        request.Headers.Add("Origin", "https://evil.example");

        using var answer = await host.Admin.SendAsync(request, Cancel);

        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
    }

    [Fact]
    public async Task Config_OfARunningProxy_IsJson()
    {
        await using var host = await AdminHost.StartAsync(new ProxySettings { MaxConcurrentRequests = 7 });

        using var answer = await host.Admin.GetAsync("/config", Cancel);

        Assert.Equal("application/json", answer.Content.Headers.ContentType!.MediaType);
        using var json = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Cancel));
        Assert.Equal(7, json.RootElement.GetProperty("TimingProxy").GetProperty("MaxConcurrentRequests").GetInt32());
    }
}
