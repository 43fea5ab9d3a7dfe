using System.Collections;
using System.Net;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using TimingProxy.EndToEnd.Fixtures;
using TimingProxy.Metrics;
using TimingProxy.Settings;
using TimingProxy.Timing;

namespace TimingProxy.Tests.Metrics;

/// <summary>The metrics alone, behind a real server that answers every path with a scrape.</summary>
internal sealed class MetricsHost : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly HttpClient _client;

    private MetricsHost(WebApplication app)
    {
        _app = app;
        string address = app.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.Single();
        _client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri(address) };
    }

    public FinishedRequests Requests => _app.Services.GetRequiredService<FinishedRequests>();

    public RequestMetrics Metrics => _app.Services.GetRequiredService<RequestMetrics>();

    public static async Task<MetricsHost> StartAsync(
        ProxySettings? settings = null, IDictionary? environment = null, Action<IServiceCollection>? configure = null)
    {
        settings ??= new ProxySettings();
        var requests = new FinishedRequests();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var ledger = new InFlightLedger(requests.Clock);
        ledger.Depart(requests.Clock.Now, 0, ledger.Arrive(requests.Clock.Now));
        var loads = new ClusterLoads();
        loads.Of("upstream");
        builder.Services.AddSingleton(requests);
        builder.Services.AddSingleton(requests.Clock);
        builder.Services.AddSingleton(new LiveSettings(settings));
        builder.Services.AddSingleton(ledger);
        builder.Services.AddSingleton(loads);
        builder.Services.AddSingleton(new ObservedState(() => true, () => DateTimeOffset.UnixEpoch, () => 0));
        builder.AddProxyMetrics(settings, environment ?? new Dictionary<string, string>(), TimeSpan.Zero);
        configure?.Invoke(builder.Services);
        var app = builder.Build();
        var scrape = MetricsRoom.BuildScrape(app.Services);
        app.Run(scrape);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new MetricsHost(app);
    }

    public async Task<(string? ContentType, string Text)> GetAsync(string? accept)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        if (accept is not null)
        {
            request.Headers.TryAddWithoutValidation("Accept", accept);
        }

        using var response = await _client.SendAsync(request, TestContext.Current.CancellationToken);
        response.EnsureSuccessStatusCode();
        return (response.Content.Headers.ContentType?.ToString(), await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    public async Task<Scrape> ScrapeAsync() => new((await GetAsync("text/plain")).Text);

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _app.StopAsync(TestContext.Current.CancellationToken);
        await _app.DisposeAsync();
    }
}
