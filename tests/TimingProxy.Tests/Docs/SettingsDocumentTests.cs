using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using TimingProxy.Settings;

namespace TimingProxy.Tests.Docs;

public sealed class SettingsDocumentTests
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [Fact]
    public void SettingsPage_IsMadeFromTheTable() => Repository.AssertIsUpToDate("docs/settings.md", Page());

    [Fact]
    public void Schema_IsMadeFromTheTable() => Repository.AssertIsUpToDate("config/timingproxy.schema.json", Schema());

    private static string Page()
    {
        var page = new StringBuilder(
            """
            # Settings

            Every setting lives under `TimingProxy:` in a configuration file, and has a name in the environment. Precedence: flag, environment,
            file, default. Durations are written `250ms`, `1.5s`, `2m` or `00:00:10`; a bare number is an error. Lists are arrays in a file, or
            one line with `;` between. "Restart" in the column *change* means that a changed value in the file takes effect at the next start;
            everything else is picked up within two seconds, or rejected whole.

            | setting | type | default | change | environment | what it does |
            |---|---|---|---|---|---|

            """);
        foreach (var setting in SettingsTable.All)
        {
            string names = $"`{setting.Environment}`" + (setting.Flag is { } flag ? $", flag `{flag}`" : "");
            string standard = setting.Default.Length == 0 ? "none" : $"`{setting.Default}`";
            page.Append($"| `{setting.Key}` | {setting.TypeName} | {standard} | {(setting.Reloads ? "reloads" : "restart")} | {names} | {setting.Description} |\n");
        }

        page.Append(
            """

            `TIMINGPROXY_UPSTREAM` is short for `TIMINGPROXY_UPSTREAM__ADDRESS` (which wins where both are set), and in a file `"Upstream": "http://…"` for its `Address`. An empty
            variable is none, but for lists: there it is the empty list. A list is taken whole from the source of highest precedence. The sections `ReverseProxy`
            ([YARP's](https://learn.microsoft.com/aspnet/core/fundamentals/servers/yarp/config-files)), `Kestrel` (certificates) and `Logging` are read
            as their owners define them, also from the environment (`Logging__LogLevel__Default=Debug`). The files of `Kestrel:Certificates:Default` are read
            again when they change; a certificate below `Kestrel:Endpoints` is read once, and its rotation needs a restart.

            Below `ReverseProxy`, every key must be one that YARP reads, and every value be of its kind; names below `Metadata` and `Transforms` are free.
            Durations are written `00:00:01.5` there: a bare number, which YARP takes for days, is an error.
            `HttpRequest:Version` is `1.1` or `2`: HTTP/3 to an upstream is not supported.
            A route must name a cluster, a cluster have a destination and a destination an address, and of two routes that match the same requests one must have
            another `Order`, for routing would choose neither: a start, a reload and `--check-config` name what is wrong, missing or alike.
            Requests are the same also where one can meet the conditions of both, as many on headers and on the query (`X-A: 1` and `X-B: 1`), or their
            constraints (`{id:int}` and `{id:long}`), and no third route goes before them.
            So they do with a level below `Logging` that is none.

            Two addresses to listen on that take the same port, like `http://*:9464` and `http://127.0.0.1:9464`, are an error, be one of them a default or not.
            So is an upstream, or a destination below `ReverseProxy`, that is the proxy itself.
            A Unix socket to listen on, left behind by a process that was killed, is removed at the start; one on which somebody listens, and any other
            file, is left alone, and the address is in use (exit code 69).

            """);
        return page.ToString();
    }

    private static string Schema()
    {
        var root = new JsonObject();
        foreach (var setting in SettingsTable.All)
        {
            string[] parts = setting.Key.Split(':');
            var parent = parts.Length == 1 ? root : Section(root, parts[0]);
            parent[parts[^1]] = Describe(setting);
        }

        // A string is short for its Address.
        root["Upstream"]!["type"] = new JsonArray("object", "string");
        var schema = new JsonObject
        {
            ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
            ["title"] = "TimingProxy configuration",
            ["type"] = "object",
            ["properties"] = new JsonObject
            {
                [SettingsTable.Section] = new JsonObject
                {
                    ["type"] = "object",
                    ["additionalProperties"] = false,
                    ["properties"] = root,
                },
                ["ReverseProxy"] = new JsonObject { ["type"] = "object", ["description"] = "YARP's own configuration, whole." },
                ["Kestrel"] = new JsonObject { ["type"] = "object", ["description"] = "Kestrel's own configuration: certificates, and endpoints where Listen is not set." },
                ["Logging"] = new JsonObject { ["type"] = "object", ["description"] = "Levels of the log on stderr." },
            },
        };
        return schema.ToJsonString(Indented) + "\n";
    }

    private static JsonObject Section(JsonObject root, string name)
    {
        root[name] ??= new JsonObject { ["type"] = "object", ["additionalProperties"] = false, ["properties"] = new JsonObject() };
        return root[name]!["properties"]!.AsObject();
    }

    private static JsonObject Describe(SettingDefinition setting)
    {
        string text = $"{setting.Description.Replace("`", "", StringComparison.Ordinal)} ({setting.TypeName}; default: {(setting.Default.Length == 0 ? "none" : setting.Default)})";
        var description = new JsonObject { ["description"] = text };
        if (setting.IsList)
        {
            string item = setting.JsonType.Split(' ')[^1];
            description["type"] = new JsonArray("array", "string");
            description["items"] = new JsonObject { ["type"] = item };
        }
        else
        {
            description["type"] = setting.JsonType;
        }

        if (setting.TypeName.Contains(", ", StringComparison.Ordinal) && setting.JsonType == "string")
        {
            description["enum"] = new JsonArray([.. setting.TypeName.Split(", ").Select(name => (JsonNode)name)]);
        }

        return description;
    }
}
