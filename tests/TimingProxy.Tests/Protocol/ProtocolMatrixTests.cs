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

    private readonly MatrixWiring _wiring = new();
    private readonly List<IAsyncDisposable> _running = [];
    private readonly List<Pair> _pairs = [];

    public async ValueTask InitializeAsync()
    {
        foreach (var kind in Enum.GetValues<UpstreamKind>())
        {
            var app = await MatrixApp.StartAsync(kestrel => _wiring.Listen(kestrel, kind));
            string address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
            var proxy = await ProxyHarness.StartAsync(
                null,
                ShortenTimeouts,
                [.. _wiring.Settings(kind, address), "Listen=http://127.0.0.1:0;https://127.0.0.1:0", "Upstream:Timeout=2s", "Upstream:KeepAlive=1s"]);
            _running.AddRange([proxy, app]);
            _pairs.AddRange(Enum.GetValues<ClientKind>().Select(client => new Pair(client, kind, proxy.Addresses)));
        }
    }

    public async ValueTask DisposeAsync()
    {
        _pairs.ForEach(pair => pair.Dispose());
        foreach (var one in _running)
        {
            await one.DisposeAsync();
        }

        _wiring.Dispose();
    }

    [Fact]
    public async Task Matrix_OfEveryPair_WorksAndIsTheDocumentsTable()
    {
        var failures = new StringBuilder();
        var table = new StringBuilder(Begin);
        table.Append($"| | {string.Join(" | ", MatrixWiring.UpstreamNames.Values)} |\n|---|{string.Concat(MatrixWiring.UpstreamNames.Select(_ => "---|"))}\n");
        foreach (var one in MatrixCases.All)
        {
            var results = await Task.WhenAll(_pairs.Where(one.IsFor).Select(async pair => (Pair: pair, Error: await FailureAsync(one, pair))));
            foreach (var (pair, error) in results.Where(result => result.Error is not null))
            {
                failures.AppendLine($"{one.Name}, {MatrixWiring.ClientNames[pair.ClientKind]} to {MatrixWiring.UpstreamNames[pair.UpstreamKind]}: {error}");
            }

            var cells = MatrixWiring.UpstreamNames.Keys.Select(upstream => string.Join(", ", results
                .Where(result => result.Error is null && result.Pair.UpstreamKind == upstream)
                .Select(result => MatrixWiring.ClientNames[result.Pair.ClientKind])));
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
}
