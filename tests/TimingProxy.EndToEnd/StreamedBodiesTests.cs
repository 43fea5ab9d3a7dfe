using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using TimingProxy.EndToEnd.Fixtures;
using TimingProxy.Tests.Protocol;

namespace TimingProxy.EndToEnd;

/// <summary>
/// Bodies of any size, up and down, from each client of the protocol matrix to each upstream of it: they arrive whole, and the proxy's
/// memory does not grow with them.
/// </summary>
[Trait(RunLength.Trait, RunLength.Any)]
public sealed class StreamedBodiesTests
{
    // A window of HTTP/2, some pipes, and what the collector has not yet looked at: whatever the size of the body.
    private const double MostGrowthMb = 12;

    // What the first requests make once is no growth.
    private const int WarmUpMb = 1;

    private static readonly TimeSpan LongestTransfer = TimeSpan.FromMinutes(10);

    [Fact]
    public async Task Bodies_StreamedBothWaysOverEveryPair_ArriveWholeInFlatMemory()
    {
        ProxyProcess.RequireNative();
        var megabytes = (int)RunLength.Of("MATRIX_MB", inTheGate: 4);
        using var wiring = new MatrixWiring();
        var transfers = new List<Transfer>();
        foreach (var upstream in Enum.GetValues<UpstreamKind>())
        {
            await using var app = await StartAppAsync(wiring, upstream);
            var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
            var (proxy, listening) = await StartProxyAsync(wiring.Settings(upstream, address));
            await using var running = proxy;
            foreach (var client in Enum.GetValues<ClientKind>())
            {
                using var pair = new Pair(client, upstream, listening);
                pair.Client.Timeout = LongestTransfer;
                await BothWaysAsync(pair, proxy.Process, WarmUpMb);
                transfers.AddRange(await BothWaysAsync(pair, proxy.Process, megabytes));
            }
        }

        await RunLength.WriteResultAsync("streamed-bodies.md", Page(megabytes, transfers), TestContext.Current.CancellationToken);
        Assert.Equal(28, transfers.Count);
        Assert.All(transfers, transfer => Assert.Equal((transfer.Name, StreamedBody.Bytes(megabytes)), (transfer.Name, transfer.Right)));
        Assert.All(transfers, transfer => Assert.True(transfer.GrowthMb < MostGrowthMb, $"{transfer.Name}: resident memory grew by {transfer.GrowthMb:F1} MiB."));
    }

    private static async Task<List<Transfer>> BothWaysAsync(Pair pair, ProcessRunner proxy, int megabytes)
    {
        var transfers = new List<Transfer>();
        // HTTP/1.0 has no uploads of unknown length.
        if (pair.ClientKind != ClientKind.Http10)
        {
            await WatchAsync("up", StreamedBody.UploadAsync);
        }

        await WatchAsync("down", StreamedBody.DownloadAsync);
        return transfers;

        async Task WatchAsync(string direction, Func<HttpClient, int, CancellationToken, Task<long>> goAsync)
        {
            var name = $"{MatrixWiring.ClientNames[pair.ClientKind]} | {MatrixWiring.UpstreamNames[pair.UpstreamKind]} | {direction}";
            ProcessFacts.ForgetPeak(proxy);
            var before = ProcessFacts.Of(proxy).ResidentMb;
            var right = await goAsync(pair.Client, megabytes, TestContext.Current.CancellationToken);
            transfers.Add(new Transfer(name, right, before, ProcessFacts.Of(proxy).PeakMb));
        }
    }

    private static async Task<WebApplication> StartAppAsync(MatrixWiring wiring, UpstreamKind kind)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            wiring.Listen(kestrel, kind);
        });
        builder.Services.AddRoutingCore();
        var app = builder.Build();
        app.UseRouting();
        StreamedBody.Map(app);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return app;
    }

    /// <summary>A proxy with a listener in the clear and one with TLS.</summary>
    private static async Task<(ProxyProcess Proxy, string[] Listening)> StartProxyAsync(string[] settings)
    {
        string[] listening = [$"http://127.0.0.1:{FreePort.Next()}", $"https://127.0.0.1:{FreePort.Next()}"];
        var launch = new Launch
        {
            Environment =
            [
                .. settings.Append($"Listen={string.Join(';', listening)}").Select(setting => setting.Split('=', 2)).Select(parts =>
                    ((parts[0].Split(':')[0] is "ReverseProxy" or "Kestrel" ? "" : "TIMINGPROXY_") + parts[0].Replace(":", "__", StringComparison.Ordinal), parts[1])),
            ],
        };
        return (await launch.StartAsync([], TestContext.Current.CancellationToken), listening);
    }

    private static string Page(int megabytes, List<Transfer> transfers) => string.Create(CultureInfo.InvariantCulture, $"""
        # Streamed bodies

        Made by `RESULTS=$PWD/docs/results MATRIX_MB={megabytes} dotnet test --project tests/TimingProxy.EndToEnd --filter-class
        TimingProxy.EndToEnd.StreamedBodiesTests` with a native build: a body of {megabytes} MiB and unknown length, up and down, from each client of the
        protocol matrix to each upstream of it, each byte of it looked at. Before each, the same with {WarmUpMb} MiB. One proxy for each upstream.

        | client | upstream | way | arrived, MiB | resident memory before, MiB | peak growth, MiB |
        |---|---|---|---|---|---|
        {string.Join('\n', transfers)}

        """);

    /// <param name="Right">Bytes that arrived as they were sent.</param>
    /// <param name="BeforeMb">The proxy's resident memory before it, in MiB.</param>
    /// <param name="PeakMb">The most it was meanwhile.</param>
    private sealed record Transfer(string Name, long Right, double BeforeMb, double PeakMb)
    {
        public double GrowthMb => PeakMb - BeforeMb;

        public override string ToString() =>
            string.Create(CultureInfo.InvariantCulture, $"| {Name} | {Right / StreamedBody.Bytes(1)} | {BeforeMb:F0} | {GrowthMb:F1} |");
    }
}
