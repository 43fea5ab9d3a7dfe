using System.Net;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using TimingProxy.Tests.Functional;

namespace TimingProxy.Tests.Protocol;

/// <summary>How the apps of the matrix listen, how its proxies find them, and what both are called in tables.</summary>
internal sealed class MatrixWiring : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("timingproxy-").FullName;

    public MatrixWiring()
    {
        using var certificate = SelfMadeCertificate.For("matrix.example");
        SelfMadeCertificate.Write(certificate, CertificatePath, KeyPath);
    }

    public static IReadOnlyDictionary<ClientKind, string> ClientNames { get; } = new Dictionary<ClientKind, string>
    {
        [ClientKind.Http10] = "1.0",
        [ClientKind.Http11] = "1.1",
        [ClientKind.H2c] = "h2c",
        [ClientKind.H2Tls] = "h2",
    };

    public static IReadOnlyDictionary<UpstreamKind, string> UpstreamNames { get; } = new Dictionary<UpstreamKind, string>
    {
        [UpstreamKind.Http11] = "HTTP/1.1",
        [UpstreamKind.H2c] = "h2c",
        [UpstreamKind.H2Tls] = "h2 with TLS",
        [UpstreamKind.Unix] = "Unix socket",
    };

    private string SocketPath => Path.Combine(_folder, "app.sock");

    private string CertificatePath => Path.Combine(_folder, "tls.crt");

    private string KeyPath => Path.Combine(_folder, "tls.key");

    public void Listen(KestrelServerOptions kestrel, UpstreamKind kind)
    {
        switch (kind)
        {
            case UpstreamKind.Http11:
                kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http1);
                break;
            case UpstreamKind.H2c:
                kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
                break;
            case UpstreamKind.H2Tls:
                kestrel.Listen(IPAddress.Loopback, 0, listen =>
                {
                    listen.Protocols = HttpProtocols.Http2;
                    listen.UseHttps(SelfMadeCertificate.For("localhost"));
                });
                break;
            default:
                kestrel.ListenUnixSocket(SocketPath, listen => listen.Protocols = HttpProtocols.Http1);
                break;
        }
    }

    /// <summary>A proxy's settings before an app at this address, as the server has it; where the proxy listens is left to the caller.</summary>
    public string[] Settings(UpstreamKind kind, string address)
    {
        int port = new Uri(address.Replace("unix:", "localhost", StringComparison.Ordinal)).Port;
        string[] upstream = kind switch
        {
            UpstreamKind.Http11 => [$"Upstream:Address=http://127.0.0.1:{port}"],
            UpstreamKind.H2c => [$"Upstream:Address=h2c://127.0.0.1:{port}"],
            UpstreamKind.Unix => [$"Upstream:Address=unix:{SocketPath}"],
            _ =>
            [
                "ReverseProxy:Routes:all:ClusterId=app",
                "ReverseProxy:Routes:all:Match:Path={**all}",
                $"ReverseProxy:Clusters:app:Destinations:one:Address=https://localhost:{port}",
                "ReverseProxy:Clusters:app:HttpRequest:Version=2",
                "ReverseProxy:Clusters:app:HttpClient:DangerousAcceptAnyServerCertificate=true",
            ],
        };
        return
        [
            .. upstream,
            $"Kestrel:Certificates:Default:Path={CertificatePath}",
            $"Kestrel:Certificates:Default:KeyPath={KeyPath}",
        ];
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
