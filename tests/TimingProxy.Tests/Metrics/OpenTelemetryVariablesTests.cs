using TimingProxy.Metrics;

namespace TimingProxy.Tests.Metrics;

public sealed class OpenTelemetryVariablesTests
{
    [Theory]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", "nonsense")]
    [InlineData("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "unix:/run/collector.sock")]
    public void Endpoint_ThatIsNoAddress_ExportsNothingAndSaysSo(string name, string value)
    {
        var variables = Of((name, value));

        Assert.False(variables.HasEndpoint);
        string warning = Assert.Single(variables.Warnings);
        Assert.StartsWith($"{name} = \"{value}\"", warning, StringComparison.Ordinal);
        Assert.Contains("write http://", warning, StringComparison.Ordinal);
    }

    [Fact]
    public void Protocol_ThatIsNotSpoken_IsSaid() => Assert.StartsWith(
        "OTEL_EXPORTER_OTLP_PROTOCOL = \"http/json\"",
        Assert.Single(Of(("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")).Warnings),
        StringComparison.Ordinal);

    [Theory]
    [InlineData("grpc")]
    [InlineData("http/protobuf")]
    [InlineData("")]
    public void Endpoint_ThatIsAnAddress_IsExportedTo(string protocol)
    {
        var variables = Of(("OTEL_EXPORTER_OTLP_ENDPOINT", "nonsense"), ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "https://collector"), ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol));

        Assert.True(variables.HasEndpoint);
        Assert.Empty(variables.Warnings);
    }

    [Fact]
    public void Environment_WithoutThem_ExportsNothingAndSaysNothing()
    {
        Assert.False(Of().HasEndpoint);
        Assert.Empty(Of().Warnings);
    }

    private static OpenTelemetryVariables Of(params (string Name, string Value)[] variables) =>
        new(variables.ToDictionary(variable => variable.Name, variable => variable.Value));
}
