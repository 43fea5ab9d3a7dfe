using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace TimingProxy.Tests.Functional;

/// <summary>TLS on either side of the proxy, and more than one listener.</summary>
[Collection(nameof(RunsAlone))]
public sealed class TlsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("timingproxy-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("1.1", "HTTP/1.1")]
    [InlineData("2", "HTTP/2")]
    public async Task HttpsUpstream_WhateverHostSays_IsAskedForTheNameInItsAddress(string version, string protocol)
    {
        using var certificate = SelfMadeCertificate.For("localhost");
        string? askedFor = null;
        await using var backend = await Backend.StartAsync(
            context => context.Response.WriteAsync($"{context.Request.Protocol} {context.Request.Scheme}://{context.Request.Host}"),
            kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(https => https.ServerCertificateSelector = (_, name) =>
            {
                askedFor = name;
                return certificate;
            })));
        await using var proxy = await ProxyHarness.StartBeforeTlsAsync(backend.Address.Port, version);

        var answer = await proxy.GetAsync();

        Assert.Equal($"{protocol} https://app.example", answer.Body);
        Assert.Equal("localhost", askedFor);
        Assert.Equal((await proxy.NextAsync()).UpstreamText, answer.Value("X-Render-MS"));
    }

    [Fact]
    public async Task HttpsUpstream_CertificateNobodyTrusts_Is502Connect()
    {
        using var certificate = SelfMadeCertificate.For("localhost");
        await using var backend = await Backend.StartAsync(
            context => context.Response.WriteAsync("must not be seen"),
            kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(certificate)));
        await using var proxy = await ProxyHarness.StartAsync($"https://localhost:{backend.Address.Port}");

        var answer = await proxy.GetAsync();

        Assert.Equal((502, "502 Bad Gateway: connect\n"), (answer.Status, answer.Body));
        Assert.Equal("connect", (await proxy.NextAsync()).ErrorType);
    }

    [Theory]
    [InlineData("GET", false, 502, 1)]
    [InlineData("POST", false, 502, 1)]
    [InlineData("GET", true, 200, 2)]
    [InlineData("POST", true, 502, 1)]
    public async Task HttpsUpstream_ClosesInsteadOfAnAnswer_IsAskedAgainOnlyWhereThatIsSafe(string method, bool isReused, int status, int asked)
    {
        using var certificate = SelfMadeCertificate.For("localhost");
        int requests = 0;
        await using var backend = new RawBackend(
            async wire =>
            {
                while (await wire.TryReadHeadAsync() is { } head)
                {
                    bool isAsked = head.StartLine.Contains("/asked", StringComparison.Ordinal);
                    if (isAsked && Interlocked.Increment(ref requests) == 1)
                    {
                        return;
                    }

                    await wire.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                }
            },
            new SslServerAuthenticationOptions { ServerCertificate = certificate });
        await using var proxy = await ProxyHarness.StartBeforeTlsAsync(backend.Address.Port, "1.1");
        if (isReused)
        {
            Assert.Equal(200, (await proxy.GetAsync("/before")).Status);
        }

        var answer = await proxy.GetAsync("/asked", method: method);

        Assert.Equal((status, asked), (answer.Status, requests));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task HttpsListener_SpeaksWhatTheClientNegotiates(int version)
    {
        using var certificate = SelfMadeCertificate.For("proxy.example");
        await using var backend = new RecordingBackend();
        await using var proxy = await StartWithCertificateAsync(backend.Address, certificate);
        using var client = proxy.Client(version, TrustExamples(_ => { }));

        using var response = await client.GetAsync("/a%2Fb?x", TestContext.Current.CancellationToken);

        Assert.Equal(version, response.Version.Major);
        Assert.Equal("hello", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal((await proxy.NextAsync()).UpstreamText, Assert.Single(response.Headers.GetValues("X-Render-MS")));
        Assert.Equal("GET /a%2Fb?x HTTP/1.1", (await backend.NextAsync()).Head.StartLine);
    }

    [Fact]
    public async Task HttpsListener_ClientWithoutTls_DoesNotHarmIt()
    {
        using var certificate = SelfMadeCertificate.For("proxy.example");
        await using var backend = new RecordingBackend();
        await using var proxy = await StartWithCertificateAsync(backend.Address, certificate);
        await using (var plain = await proxy.ConnectAsync())
        {
            await plain.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            while (!await plain.EndsAsync())
            {
                // Perhaps an alert, and then the end.
            }
        }

        using var client = proxy.Client(1, TrustExamples(_ => { }));

        Assert.Equal("hello", await client.GetStringAsync("/", TestContext.Current.CancellationToken));
        Assert.Equal(1, backend.Waiting);
    }

    [Fact]
    public async Task HttpsListener_CertificateIsRotated_IsPickedUpAndABrokenOneIsNot()
    {
        using var first = SelfMadeCertificate.For("first.example");
        using var second = SelfMadeCertificate.For("second.example");
        await using var backend = new RecordingBackend();
        await using var proxy = await StartWithCertificateAsync(backend.Address, first);

        Assert.Equal("CN=first.example", await SubjectAsync(proxy.Address));
        SelfMadeCertificate.Write(second, CertificatePath, KeyPath);
        string subject = "";
        await proxy.UntilAsync(() => subject == "CN=second.example", async () => subject = await SubjectAsync(proxy.Address));

        proxy.Log.Clear();
        await File.WriteAllTextAsync(CertificatePath, "torn", TestContext.Current.CancellationToken);
        await proxy.UntilAsync(
            () => proxy.Log.Any(line => line.Level == LogLevel.Error && line.Text.Contains(CertificatePath, StringComparison.Ordinal)),
            async () => Assert.Equal("CN=second.example", await SubjectAsync(proxy.Address)));
    }

    [Fact]
    public async Task Listen_SeveralAddresses_AllAreServed()
    {
        using var certificate = SelfMadeCertificate.For("proxy.example");
        SelfMadeCertificate.Write(certificate, CertificatePath, KeyPath);
        string socket = Path.Combine(_folder, "proxy.sock");
        await using var backend = new RecordingBackend();
        await using var proxy = await ProxyHarness.StartAsync(
            backend.Address,
            $"Listen=http://127.0.0.1:0;https://127.0.0.1:0;http://unix:{socket}",
            $"Kestrel:Certificates:Default:Path={CertificatePath}",
            $"Kestrel:Certificates:Default:KeyPath={KeyPath}");

        Assert.Equal(3, proxy.Addresses.Count);
        foreach (string address in proxy.Addresses.Where(address => !address.Contains("unix", StringComparison.Ordinal)))
        {
            using var client = new HttpClient(TrustExamples(_ => { }));
            using var response = await client.GetAsync(new Uri(address), TestContext.Current.CancellationToken);
            Assert.True(response.Headers.Contains("X-Render-MS"));
        }

        using var local = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellationToken) =>
            {
                var connection = new Socket(
                    AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancellationToken);
                return new NetworkStream(connection, ownsSocket: true);
            },
        });
        Assert.Equal("hello", await local.GetStringAsync("http://app.example/", TestContext.Current.CancellationToken));
        Assert.Equal(3, backend.Waiting);
    }

    private string CertificatePath => Path.Combine(_folder, "tls.crt");

    private string KeyPath => Path.Combine(_folder, "tls.key");

    private Task<ProxyHarness> StartWithCertificateAsync(Uri upstream, X509Certificate2 certificate)
    {
        SelfMadeCertificate.Write(certificate, CertificatePath, KeyPath);
        return ProxyHarness.StartAsync(
            upstream,
            "Listen=https://127.0.0.1:0",
            $"Kestrel:Certificates:Default:Path={CertificatePath}",
            $"Kestrel:Certificates:Default:KeyPath={KeyPath}");
    }

    /// <summary>Of the certificate that a new connection is shown.</summary>
    private static async Task<string> SubjectAsync(Uri address)
    {
        string subject = "";
        using var client = new HttpClient(TrustExamples(shown => subject = shown)) { BaseAddress = address };
        using var response = await client.GetAsync("/", TestContext.Current.CancellationToken);
        return subject;
    }

    private static SocketsHttpHandler TrustExamples(Action<string> shown) => new()
    {
        UseProxy = false,
        SslOptions = new SslClientAuthenticationOptions
        {
            RemoteCertificateValidationCallback = (_, certificate, _, _) =>
            {
                shown(certificate!.Subject);
                return certificate.Subject.EndsWith(".example", StringComparison.Ordinal);
            },
        },
    };
}
