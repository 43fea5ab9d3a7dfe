using System.Collections;
using System.Text.RegularExpressions;

namespace TimingProxy.Settings;

/// <summary>
/// <c>TIMINGPROXY_&lt;SECTION&gt;__&lt;KEY&gt;</c> and back: the one place where environment variables are mapped onto settings.
/// </summary>
internal static partial class EnvironmentNames
{
    public const string Prefix = "TIMINGPROXY_";

    public static string Of(string key) => Prefix + key.Replace(":", "__", StringComparison.Ordinal).ToUpperInvariant();

    /// <summary>Settings found in <paramref name="variables"/>, by full key, and a warning for each name that is none.</summary>
    public static (Dictionary<string, string?> Settings, List<string> Warnings) Read(IDictionary variables)
    {
        var settings = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        var warnings = new List<string>();
        var names = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, key, value) in OfOurs(variables))
        {
            if (KnownNames.Find(key) is not { } setting)
            {
                warnings.Add($"{name}: there is no such setting, it is ignored; the nearest is {Of(KnownNames.Nearest(key))}");
            }
            else if (IsSet(setting, value))
            {
                string fullKey = $"{SettingsTable.Section}:{key}";
                if (settings.TryGetValue(fullKey, out string? before) && before != value)
                {
                    warnings.Add($"{names[fullKey]}: it is ignored, because {name} sets the same; leave one of them out");
                }

                (settings[fullKey], names[fullKey]) = (value, name);
            }
        }

        return (settings, warnings);
    }

    /// <summary>The variable that <paramref name="setting"/> is taken from, as the user wrote it; null where there is none.</summary>
    public static string? VariableOf(SettingDefinition setting, IDictionary variables)
    {
        var (name, key, _) = OfOurs(variables).LastOrDefault(variable => KnownNames.Find(variable.Key) == setting && IsSet(setting, variable.Value));
        // A list is taken whole, so it is not one of its items that is named.
        return name is null ? null : key.Equals(setting.Key, StringComparison.OrdinalIgnoreCase) ? name : setting.Environment;
    }

    // Empty is what is left of an unset ${VARIABLE} of a compose file, and must not hide the file's value. An empty list is a value.
    private static bool IsSet(SettingDefinition setting, string? value) => setting.IsList || !string.IsNullOrWhiteSpace(value);

    /// <summary>In the order of their names, not in that of a hash table: of two for one setting always the same wins, the longer name.</summary>
    private static IEnumerable<(string Name, string Key, string? Value)> OfOurs(IDictionary variables) =>
        from name in variables.Keys.Cast<string>().Order(StringComparer.Ordinal)
        where name.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) && !OfKubernetesService().IsMatch(name)
        let byShortName = SettingsTable.All.FirstOrDefault(one => name.Equals(one.ShortEnvironment, StringComparison.OrdinalIgnoreCase))
        select (name, byShortName?.Key ?? name[Prefix.Length..].Replace("__", ":", StringComparison.Ordinal), (string?)variables[name]);

    // What Kubernetes sets for a Service named timingproxy: _PORT, _PORT_8080_TCP[_ADDR|_PORT|_PROTO], _SERVICE_HOST, _SERVICE_PORT[_NAME].
    [GeneratedRegex("^TIMINGPROXY_(PORT(_[0-9]+_(TCP|UDP|SCTP).*)?|SERVICE_HOST|SERVICE_PORT(_.*)?)$", RegexOptions.IgnoreCase)]
    private static partial Regex OfKubernetesService();
}
