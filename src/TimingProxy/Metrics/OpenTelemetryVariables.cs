using System.Collections;
using OpenTelemetry.Exporter;

namespace TimingProxy.Metrics;

/// <summary>
/// What the environment says to OpenTelemetry (<c>OTEL_…</c>). The exporter does not read the variables that are for metrics alone
/// (<c>OTEL_EXPORTER_OTLP_METRICS_…</c>); here, where there are no other signals, they stand in for those for all signals.
/// </summary>
internal sealed class OpenTelemetryVariables
{
    private const string Prefix = "OTEL_";
    private const string OfAllSignals = "OTEL_EXPORTER_OTLP_";
    private const string OfMetrics = "OTEL_EXPORTER_OTLP_METRICS_";
    private const string Endpoint = "ENDPOINT";

    private readonly Dictionary<string, string?> _all = new(StringComparer.OrdinalIgnoreCase);

    public OpenTelemetryVariables(IDictionary environment)
    {
        foreach (DictionaryEntry variable in environment)
        {
            if (variable.Key is string name && name.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
            {
                _all[name] = (string?)variable.Value;
            }
        }

        foreach (var (name, value) in _all.ToArray())
        {
            if (name.StartsWith(OfMetrics, StringComparison.OrdinalIgnoreCase) && !string.IsNullOrEmpty(value))
            {
                _all[OfAllSignals + name[OfMetrics.Length..]] = value;
            }
        }
    }

    public IReadOnlyDictionary<string, string?> All => _all;

    public bool HasEndpoint => !string.IsNullOrEmpty(_all.GetValueOrDefault(OfAllSignals + Endpoint));

    /// <summary>The address for metrics alone is taken as it is; to the one for all signals, the exporter appends the path of the signal.</summary>
    public void Configure(OtlpExporterOptions exporter)
    {
        if (Uri.TryCreate(_all.GetValueOrDefault(OfMetrics + Endpoint), UriKind.Absolute, out var address))
        {
            exporter.Endpoint = address;
        }
    }
}
