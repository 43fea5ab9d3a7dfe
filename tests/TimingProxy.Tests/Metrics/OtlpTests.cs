using System.Net;
using System.Text;
using System.Threading.Channels;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging.Testing;
using TimingProxy.Metrics;
using TimingProxy.Tests.Functional;

namespace TimingProxy.Tests.Metrics;

/// <summary>The standard variables of OpenTelemetry, against a collector that keeps what it is sent.</summary>
[Collection(nameof(RunsAlone))]
public sealed class OtlpTests
{
    [Theory]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", "", "OTEL_EXPORTER_OTLP_HEADERS")]
    [InlineData("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "/own/path", "OTEL_EXPORTER_OTLP_METRICS_HEADERS")]
    public async Task Push_WithAnEndpoint_HasOurNamesUnderOurServiceName(string variable, string path, string headers)
    {
        await using var collector = await Collector.StartAsync();
        await PushAsync(new() { [variable] = collector.Address + path, [headers] = "api-key=s3cr3t" });

        var (url, key, body) = await collector.NextAsync();

        Assert.Equal((path.Length == 0 ? "/v1/metrics" : path, "s3cr3t"), (url, key));
        Assert.Contains("timingproxy.upstream.duration", body, StringComparison.Ordinal);
        Assert.Contains("http.response.status_code", body, StringComparison.Ordinal);
        Assert.Contains("timingproxy.inflight.departures", body, StringComparison.Ordinal);
        Assert.DoesNotContain("duration_seconds", body, StringComparison.Ordinal);
        Assert.Contains("service.name\x12\x0d\x0a\x0btimingproxy", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Push_WithNameAndAttributesOfTheEnvironment_HasThem()
    {
        await using var collector = await Collector.StartAsync();
        await PushAsync(new()
        {
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Address,
            ["OTEL_SERVICE_NAME"] = "shop",
            ["OTEL_RESOURCE_ATTRIBUTES"] = "deployment.environment=staging",
        });

        string body = (await collector.NextAsync()).Body;

        Assert.Contains("service.name\x12\x06\x0a\x04shop", body, StringComparison.Ordinal);
        Assert.Contains("staging", body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http/protobuf")]
    [InlineData("grpc")]
    public async Task Push_NobodyThere_IsSaid(string protocol)
    {
        var log = new FakeLogger<ExportWatch>();

        await PushAsync(
            new() { ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://user:s3cr3t@127.0.0.1:1", ["OTEL_EXPORTER_OTLP_PROTOCOL"] = protocol },
            services => services.AddSingleton<ILogger<ExportWatch>>(log));

        var record = Assert.Single(log.Collector.GetSnapshot());
        Assert.Equal(LogLevel.Warning, record.Level);
        Assert.StartsWith("Metrics do not reach http://127.0.0.1:1/", record.Message, StringComparison.Ordinal);
        Assert.Contains("Connection refused", record.Message, StringComparison.Ordinal);
    }

    private static async Task PushAsync(Dictionary<string, string> environment, Action<IServiceCollection>? configure = null)
    {
        environment.TryAdd("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
        // What is recorded is pushed at the latest when the host stops.
        await using var host = await MetricsHost.StartAsync(environment: environment, configure: configure);
        host.Metrics.OnCompleted(host.Requests.Of());
    }

    private sealed class Collector : IAsyncDisposable
    {
        private readonly Channel<(string Path, string? Key, string Body)> _received = Channel.CreateUnbounded<(string, string?, string)>();
        private readonly WebApplication _app;

        private Collector()
        {
            var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
            builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
            _app = builder.Build();
            _app.Run(async context =>
            {
                using var body = new MemoryStream();
                await context.Request.Body.CopyToAsync(body, context.RequestAborted);
                _received.Writer.TryWrite((context.Request.Path, context.Request.Headers["api-key"], Encoding.Latin1.GetString(body.ToArray())));
            });
        }

        public string Address => _app.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.Single();

        public static async Task<Collector> StartAsync()
        {
            var collector = new Collector();
            await collector._app.StartAsync(TestContext.Current.CancellationToken);
            return collector;
        }

        public async Task<(string Path, string? Key, string Body)> NextAsync() => await _received.Reader.ReadAsync(TestContext.Current.CancellationToken)
            .AsTask().WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);

        public ValueTask DisposeAsync() => _app.DisposeAsync();
    }
}
