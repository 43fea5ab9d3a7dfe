using System.Buffers;
using System.Collections;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using TimingProxy.Settings;

namespace TimingProxy.Admin;

/// <summary>
/// The answer to <c>/config</c>: the settings in force with their defaults, the sections that belong to others as they were configured, and
/// what the environment says to OpenTelemetry. Secrets are redacted.
/// </summary>
/// <param name="configuration">The one in force.</param>
internal sealed class ConfigPage(LiveSettings settings, Func<IConfiguration> configuration)
{
    private const string OpenTelemetryPrefix = "OTEL_";
    private static readonly string[] ForeignSections = ["ReverseProxy", "Kestrel", "Logging"];

    public Task HandleAsync(HttpContext context)
    {
        context.Response.ContentType = "application/json; charset=utf-8";
        return context.Response.WriteAsync(Write(Environment.GetEnvironmentVariables()), context.RequestAborted);
    }

    internal string Write(IDictionary environment)
    {
        var document = new JsonObject { [SettingsTable.Section] = OwnSettings(settings.Current) };
        foreach (string section in ForeignSections)
        {
            document[section] = Section(configuration().GetSection(section)) ?? new JsonObject();
        }

        document["OpenTelemetry"] = OpenTelemetry(environment);

        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            document.WriteTo(writer);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan) + "\n";
    }

    private static JsonObject OwnSettings(ProxySettings current)
    {
        var root = new JsonObject();
        foreach (var setting in SettingsTable.All)
        {
            string[] path = setting.Key.Split(':');
            var parent = root;
            foreach (string name in path[..^1])
            {
                parent[name] ??= new JsonObject();
                parent = parent[name]!.AsObject();
            }

            parent[path[^1]] = ValueOf(setting, current);
        }

        if (current.Forwarding.TrustedPeers is null)
        {
            // Everybody, where an empty list is nobody; as text both are empty.
            root["Forwarding"]!["TrustedPeers"] = null;
        }

        return root;
    }

    private static JsonNode? ValueOf(SettingDefinition setting, ProxySettings current)
    {
        string text = setting.Show(current);
        if (setting.IsList)
        {
            bool isOfNumbers = setting.JsonType.EndsWith("number", StringComparison.Ordinal);
            string[] items = text.Split(';', StringSplitOptions.RemoveEmptyEntries);
            return new JsonArray([.. items.Select(item => isOfNumbers ? Number(item) : Text(item))]);
        }

        return setting.JsonType switch
        {
            "boolean" => JsonValue.Create(bool.Parse(text)),
            "integer" or "number" => Number(text),
            _ => text.Length == 0 ? null : Text(text),
        };
    }

    /// <summary>A section as it was configured: children that are numbered from 0 are an array; null where there is nothing.</summary>
    private static JsonNode? Section(IConfigurationSection section)
    {
        IConfigurationSection[] children = [.. section.GetChildren()];
        if (children.Length == 0)
        {
            return section.Value is null ? null : Text(section.Value);
        }

        bool isArray = children.Select((child, index) => child.Key == index.ToString(CultureInfo.InvariantCulture)).All(isNext => isNext);
        if (isArray)
        {
            return new JsonArray([.. children.Select(Section)]);
        }

        var result = new JsonObject();
        foreach (var child in children)
        {
            result[child.Key] = Redaction.IsSecret(child, section) ? Redaction.Hidden : Section(child);
        }

        return result;
    }

    private static JsonObject OpenTelemetry(IDictionary environment)
    {
        var result = new JsonObject();
        var variables = environment.Cast<DictionaryEntry>()
            .Select(variable => (Name: (string)variable.Key, Value: (string?)variable.Value ?? ""))
            .Where(variable => variable.Name.StartsWith(OpenTelemetryPrefix, StringComparison.Ordinal))
            .OrderBy(variable => variable.Name, StringComparer.Ordinal);
        foreach (var (name, value) in variables)
        {
            bool isSecret = name.EndsWith("_HEADERS", StringComparison.Ordinal) || Redaction.IsSecretKey(name);
            result[name] = isSecret ? Redaction.Hidden : Text(value);
        }

        return result;
    }

    private static JsonValue Text(string text) => JsonValue.Create(Redaction.WithoutSecretsOfUrls(text));

    private static JsonValue Number(string text) => JsonValue.Create(double.Parse(text, CultureInfo.InvariantCulture));
}
