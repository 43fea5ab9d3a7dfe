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
    private const string Protocol = "PROTOCOL";

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

    /// <summary>Whether to export: not to an address that cannot be read, nor to the exporter's own default in its stead.</summary>
    public bool HasEndpoint => IsAddress(_all.GetValueOrDefault(OfAllSignals + Endpoint));

    /// <summary>
    /// What is ignored, as the rules of these variables demand of a value that cannot be read: often they are meant for the app beside, and
    /// no reason not to start.
    /// </summary>
    public IEnumerable<string> Warnings
    {
        get
        {
            if (_all.GetValueOrDefault(OfAllSignals + Endpoint) is { Length: > 0 } address && !IsAddress(address))
            {
                yield return $"{NameOf(Endpoint)} = \"{address}\": not an address, so nothing is exported; write http://collector:4317";
            }

            if (_all.GetValueOrDefault(OfAllSignals + Protocol) is { Length: > 0 } protocol and not ("grpc" or "http/protobuf"))
            {
                yield return $"{NameOf(Protocol)} = \"{protocol}\": not spoken here, so grpc is; write grpc or http/protobuf";
            }
        }
    }

    /// <summary>The address for metrics alone is taken as it is; to the one for all signals, the exporter appends the path of the signal.</summary>
    public void Configure(OtlpExporterOptions exporter)
    {
        if (Uri.TryCreate(_all.GetValueOrDefault(OfMetrics + Endpoint), UriKind.Absolute, out var address))
        {
            exporter.Endpoint = address;
        }
    }

    private static bool IsAddress(string? text) => Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "http" or "https";

    /// <summary>The variable that decides: the one for metrics alone, if it is set.</summary>
    private string NameOf(string what) => string.IsNullOrEmpty(_all.GetValueOrDefault(OfMetrics + what)) ? OfAllSignals + what : OfMetrics + what;
}
