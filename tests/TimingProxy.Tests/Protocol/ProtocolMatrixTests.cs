using System.Net;
using System.Text;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using TimingProxy.Tests.Docs;
using TimingProxy.Tests.Functional;

namespace TimingProxy.Tests.Protocol;

/// <summary>
/// Real clients and servers of every protocol on both sides. The proxies' timeouts are shorter than the silences of the cases, so that
/// what is cut by one of them fails here.
/// </summary>
[Collection(nameof(RunsAlone))]
public sealed class ProtocolMatrixTests : IAsyncLifetime
{
    private const string Document = "docs/transparency.md";
    private const string Begin = "<!-- matrix: made by ProtocolMatrixTests -->\n";
    private const string End = "<!-- end of the matrix -->\n";

    private static readonly Dictionary<ClientKind, string> ClientNames = new()
    {
        [ClientKind.Http10] = "1.0",
        [ClientKind.Http11] = "1.1",
        [ClientKind.H2c] = "h2c",
        [ClientKind.H2Tls] = "h2",
    };

    private static readonly Dictionary<UpstreamKind, string> UpstreamNames = new()
    {
        [UpstreamKind.Http11] = "HTTP/1.1",
        [UpstreamKind.H2c] = "h2c",
        [UpstreamKind.H2Tls] = "h2 with TLS",
        [UpstreamKind.Unix] = "Unix socket",
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("timingproxy-").FullName;
    private readonly List<IAsyncDisposable> _running = [];
    private readonly List<Pair> _pairs = [];

    public async ValueTask InitializeAsync()
    {
        using var certificate = SelfMadeCertificate.For("matrix.example");
        SelfMadeCertificate.Write(certificate, Path.Combine(_folder, "tls.crt"), Path.Combine(_folder, "tls.key"));
        foreach (var kind in Enum.GetValues<UpstreamKind>())
        {
            var app = await MatrixApp.StartAsync(kestrel => Listen(kestrel, kind));
            string address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
            var proxy = await ProxyHarness.StartAsync(null, ShortenTimeouts, Settings(kind, new Uri(address.Replace("unix:", "localhost", StringComparison.Ordinal)).Port));
            _running.AddRange([proxy, app]);
            _pairs.AddRange(Enum.GetValues<ClientKind>().Select(client => new Pair(client, kind, proxy)));
        }
    }

    public async ValueTask DisposeAsync()
    {
        _pairs.ForEach(pair => pair.Dispose());
        foreach (var one in _running)
        {
            await one.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Matrix_OfEveryPair_WorksAndIsTheDocumentsTable()
    {
        var failures = new StringBuilder();
        var table = new StringBuilder(Begin);
        table.Append($"| | {string.Join(" | ", UpstreamNames.Values)} |\n|---|{string.Concat(UpstreamNames.Select(_ => "---|"))}\n");
        foreach (var one in MatrixCases.All)
        {
            var results = await Task.WhenAll(_pairs.Where(one.IsFor).Select(async pair => (Pair: pair, Error: await FailureAsync(one, pair))));
            foreach (var (pair, error) in results.Where(result => result.Error is not null))
            {
                failures.AppendLine($"{one.Name}, {ClientNames[pair.ClientKind]} to {UpstreamNames[pair.UpstreamKind]}: {error}");
            }

            var cells = UpstreamNames.Keys.Select(upstream => string.Join(", ", results
                .Where(result => result.Error is null && result.Pair.UpstreamKind == upstream)
                .Select(result => ClientNames[result.Pair.ClientKind])));
            table.Append($"| {one.Name} | {string.Join(" | ", cells.Select(cell => cell.Length == 0 ? "–" : cell))} |\n");
        }

        table.Append(End);
        Assert.True(failures.Length == 0, failures.ToString());
        string page = await File.ReadAllTextAsync(Repository.PathOf(Document), TestContext.Current.CancellationToken);
        int begin = page.IndexOf(Begin, StringComparison.Ordinal);
        int end = page.IndexOf(End, StringComparison.Ordinal);
        Assert.True(begin >= 0 && end > begin, $"{Document} has no place for the matrix.");
        Repository.AssertIsUpToDate(Document, string.Concat(page.AsSpan(0, begin), table.ToString(), page.AsSpan(end + End.Length)));
    }

    private static async Task<Exception?> FailureAsync(MatrixCase one, Pair pair)
    {
        try
        {
            await one.RunAsync(pair).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
            return null;
        }
        catch (Exception error)
        {
            return error;
        }
    }

    /// <summary>As short as the server takes them, and shorter than <see cref="MatrixApp.Silence"/>.</summary>
    private static void ShortenTimeouts(IServiceCollection services) => services.PostConfigure<KestrelServerOptions>(kestrel =>
    {
        kestrel.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(1);
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(1);
    });

    private void Listen(KestrelServerOptions kestrel, UpstreamKind kind)
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

    private string SocketPath => Path.Combine(_folder, "app.sock");

    private string[] Settings(UpstreamKind kind, int port)
    {
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
            "Listen=http://127.0.0.1:0;https://127.0.0.1:0",
            "Upstream:Timeout=2s",
            "Upstream:KeepAlive=1s",
            $"Kestrel:Certificates:Default:Path={Path.Combine(_folder, "tls.crt")}",
            $"Kestrel:Certificates:Default:KeyPath={Path.Combine(_folder, "tls.key")}",
        ];
    }
}
