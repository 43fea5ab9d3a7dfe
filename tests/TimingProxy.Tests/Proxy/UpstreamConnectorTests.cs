using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using TimingProxy.Proxy;
using TimingProxy.Settings;
using TimingProxy.Tests.Functional;
using TimingProxy.Timing;

namespace TimingProxy.Tests.Proxy;

public sealed class UpstreamConnectorTests
{
    /// <summary>Nobody has signed the certificate, so the chain is always wrong; what counts is whether the name is.</summary>
    [Theory]
    [InlineData("localhost", "other.example", SslPolicyErrors.RemoteCertificateChainErrors)]
    [InlineData("other.example", "other.example", SslPolicyErrors.RemoteCertificateChainErrors | SslPolicyErrors.RemoteCertificateNameMismatch)]
    public async Task Certificate_IsHeldAgainstTheAddress_WhateverHostSays(string certificateName, string host, SslPolicyErrors expected)
    {
        using var certificate = SelfMadeCertificate.For(certificateName);
        await using var backend = await Backend.StartAsync(
            context => Task.CompletedTask, kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(certificate)));
        var seen = SslPolicyErrors.None;
        var opened = new List<(string Cluster, long Ticks)>();
        using var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, shown, _, errors) =>
        {
            seen = errors;
            return shown is X509Certificate2 one && one.Thumbprint == certificate.Thumbprint;
        };
        var clock = new RequestClock(TimeProvider.System);
        using var client = new UpstreamClient(handler, new UpstreamSettings(), unixSocket: null, client =>
        {
            var connector = new UpstreamConnector("app", client, handler.SslOptions, clock, (cluster, ticks) => opened.Add((cluster, ticks)));
            handler.ConnectCallback = connector.ConnectAsync;
        });
        using var request = new HttpRequestMessage(HttpMethod.Get, $"https://localhost:{backend.Address.Port}/");
        request.Headers.Host = host;

        using var response = await UpstreamConnection.Taking(
            client, request, new RequestTiming(new DefaultHttpContext(), clock), TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(expected, seen);
        var (cluster, ticks) = Assert.Single(opened);
        Assert.Equal("app", cluster);
        Assert.True(ticks > 0);
    }
}
