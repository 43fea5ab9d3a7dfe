namespace TimingProxy.Settings;

/// <summary>One row of the table of settings: everything that is known of a setting, whatever its type.</summary>
/// <param name="Key">Below <c>TimingProxy:</c>, as in <c>Upstream:Timeout</c>.</param>
/// <param name="TypeName">Type and unit, for people.</param>
/// <param name="JsonType">For the JSON schema.</param>
/// <param name="Reloads">Whether a change in the file takes effect without a restart.</param>
/// <param name="Description">One sentence.</param>
/// <param name="Read">Folds a text into the settings; throws <see cref="FormatException"/> with the mend.</param>
/// <param name="Show">The setting's value as text that <paramref name="Read"/> takes.</param>
internal sealed record SettingDefinition(
    string Key,
    string TypeName,
    string JsonType,
    bool Reloads,
    string Description,
    Func<ProxySettings, string, ProxySettings> Read,
    Func<ProxySettings, string> Show)
{
    private static readonly ProxySettings Defaults = new();

    /// <summary>Name on the command line, for the few that have one.</summary>
    public string? Flag { get; init; }

    /// <summary>Second and shorter name in the environment, for the few that have one.</summary>
    public string? ShortEnvironment { get; init; }

    public string Default => Show(Defaults);

    public bool IsList => JsonType.StartsWith("array", StringComparison.Ordinal);

    public string FullKey => $"{SettingsTable.Section}:{Key}";

    public string Environment => EnvironmentNames.Of(Key);

    public static SettingDefinition Create<T>(
        string key,
        SettingKind<T> kind,
        Func<ProxySettings, T> get,
        Func<ProxySettings, T, ProxySettings> set,
        string description,
        bool reloads = true) =>
        new(
            key,
            kind.Name,
            kind.JsonType,
            reloads,
            description,
            (settings, text) => set(settings, kind.Parse(text)),
            settings => kind.Format(get(settings)));
}
