using System.Net;
using System.Net.Security;
using System.Security.Authentication;

namespace TimingProxy.Tests.Protocol;

/// <summary>How a client of the matrix speaks.</summary>
internal enum ClientKind
{
    Http10,
    Http11,
    H2c,
    H2Tls,
}

/// <summary>How the app of the matrix is spoken to.</summary>
internal enum UpstreamKind
{
    Http11,
    H2c,
    H2Tls,
    Unix,
}

/// <summary>One client's way through one proxy.</summary>
internal sealed class Pair : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <param name="addresses">Where the proxy listens: one in the clear and one with TLS.</param>
    public Pair(ClientKind client, UpstreamKind upstream, IEnumerable<string> addresses)
    {
        (ClientKind, UpstreamKind) = (client, upstream);
        Address = new Uri(addresses.Single(address => address.StartsWith("https:", StringComparison.Ordinal) == (client == ClientKind.H2Tls)));
        Client = new HttpClient(NewHandler())
        {
            BaseAddress = Address,
            DefaultRequestVersion = Version,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Timeout = Patience,
        };
    }

    public ClientKind ClientKind { get; }

    public UpstreamKind UpstreamKind { get; }

    public Uri Address { get; }

    public HttpClient Client { get; }

    public bool IsHttp2 => ClientKind is ClientKind.H2c or ClientKind.H2Tls;

    public bool IsHttp2Upstream => UpstreamKind is UpstreamKind.H2c or UpstreamKind.H2Tls;

    public Version Version => ClientKind switch
    {
        ClientKind.Http10 => HttpVersion.Version10,
        ClientKind.Http11 => HttpVersion.Version11,
        _ => HttpVersion.Version20,
    };

    public static SocketsHttpHandler NewHandler() => new()
    {
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        Expect100ContinueTimeout = Patience,
        SslOptions = new SslClientAuthenticationOptions
        {
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate?.Subject == "CN=matrix.example",
        },
    };

    public HttpRequestMessage Request(HttpMethod method, string path, HttpContent? content = null) => new(method, path)
    {
        Content = content,
        Version = Version,
        VersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };

    public void Dispose() => Client.Dispose();
}
