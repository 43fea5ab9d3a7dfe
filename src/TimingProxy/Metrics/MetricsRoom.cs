using System.Collections;
using Microsoft.AspNetCore.Builder;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using TimingProxy.Settings;
using TimingProxy.Timing;

namespace TimingProxy.Metrics;

/// <summary>Adds the instruments and their ways out: Prometheus always, OTLP where its standard variable is set.</summary>
internal static class MetricsRoom
{
    // What is not recorded by request has few series; the SDK reserves memory for as many as it is told.
    private const int OtherSeries = 64;

    /// <param name="environment">Of the process; what it says to OpenTelemetry (<c>OTEL_…</c>) is honoured.</param>
    /// <param name="scrapeCache">How long an answer to a scrape is used again; zero in tests.</param>
    public static void AddProxyMetrics(
        this IHostApplicationBuilder builder, ProxySettings settings, IDictionary environment, TimeSpan scrapeCache)
    {
        // OpenTelemetry reads its variables from the host's configuration, which in an empty builder has none.
        var variables = new OpenTelemetryVariables(environment);
        builder.Configuration.AddInMemoryCollection(variables.All);

        var services = builder.Services;
        services.AddMetrics();
        services.AddSingleton<RequestMetrics>();
        services.AddSingleton<IRequestObserver>(provider => provider.GetRequiredService<RequestMetrics>());
        services.AddSingleton(_ => new ClockDisturbance());
        services.AddSingleton<StateMetrics>();
        services.AddSingleton<ProcessMetrics>();
        services.AddSingleton<ExportWatch>();
        services.AddOptions<OtlpExporterOptions>().Configure<ExportWatch>(static (exporter, watch) =>
        {
            var connect = exporter.HttpClientFactory;
            exporter.HttpClientFactory = () => watch.Around(connect());
        });
        services.AddOpenTelemetry()
            // The environment's own service name and attributes come last and win.
            .ConfigureResource(resource => resource.AddService("timingproxy", serviceVersion: StateMetrics.Version).AddEnvironmentVariableDetector())
            .WithMetrics(metrics =>
            {
                Configure(metrics, settings, scrapeCache);
                if (variables.HasEndpoint)
                {
                    metrics.AddOtlpExporter(variables.Configure);
                }
            });
    }

    /// <summary>The answer to a scrape, in Prometheus' text form or as OpenMetrics, as the client asks.</summary>
    public static RequestDelegate BuildScrape(IServiceProvider services)
    {
        // Made here, so that what is only looked at exists before the first look.
        services.GetRequiredService<StateMetrics>();
        services.GetRequiredService<ProcessMetrics>();
        var app = new ApplicationBuilder(services);
        app.UseOpenTelemetryPrometheusScrapingEndpoint(static _ => true);
        var scrape = app.Build();
        MemoryStream? spare = null;
        return async context =>
        {
            // Kept for the next scrape: an answer may be megabytes, and as many of garbage each time would have all memory collected.
            var answer = Interlocked.Exchange(ref spare, null) ?? new MemoryStream();
            await CompleteAsync(context, scrape, answer);
            answer.SetLength(0);
            Volatile.Write(ref spare, answer);
        };
    }

    /// <summary>
    /// Writes the answer in memory first: the exporter lends its buffer to whoever is being answered, and a scraper that does not read
    /// would keep all others from it.
    /// </summary>
    private static async Task CompleteAsync(HttpContext context, RequestDelegate scrape, MemoryStream answer)
    {
        var client = context.Response.Body;
        context.Response.Body = answer;
        try
        {
            await scrape(context);
        }
        finally
        {
            context.Response.Body = client;
        }

        context.Response.ContentLength = answer.Length;
        answer.Position = 0;
        await answer.CopyToAsync(client, context.RequestAborted);
    }

    private static void Configure(MeterProviderBuilder metrics, ProxySettings settings, TimeSpan scrapeCache)
    {
        metrics.AddMeter(RequestMetrics.MeterName, ProcessMetrics.MeterName)
            .AddRuntimeInstrumentation()
            .SetExemplarFilter(ExemplarFilterType.TraceBased)
            .AddView(instrument => new MetricStreamConfiguration
            {
                Name = Rename(instrument.Name),
                CardinalityLimit = RequestMetrics.IsLimited(instrument) ? settings.Metrics.MaxSeries + 1
                    : StateMetrics.IsByCluster(instrument) ? Math.Max(settings.Metrics.MaxSeries, OtherSeries)
                    : OtherSeries,
            })
            .AddPrometheusExporter(exporter =>
            {
                exporter.ScrapeResponseCacheDurationMilliseconds = (int)scrapeCache.TotalMilliseconds;
                exporter.ScopeInfoEnabled = false;
            });
    }

    // Names of the runtime's that end in what promtool reserves for counters and histograms.
    private static string? Rename(string name) => name switch
    {
        "dotnet.assembly.count" => "dotnet.assemblies",
        "dotnet.process.cpu.count" => "dotnet.process.cpus",
        "dotnet.timer.count" => "dotnet.timers",
        _ => null,
    };
}
