namespace TimingProxy.Settings;

/// <summary>A setting that cannot be used.</summary>
/// <param name="Message">Names the setting, its value and the mend.</param>
/// <param name="Key">Full key.</param>
internal sealed record SettingError(string Key, string Message);

/// <summary>Reads a configuration's <c>TimingProxy</c> section: all of it, with all that is wrong in it.</summary>
internal static class SettingsReader
{
    public static (ProxySettings Settings, IReadOnlyList<SettingError> Errors) Read(IConfigurationRoot configuration)
    {
        var settings = new ProxySettings();
        var errors = new List<SettingError>();
        foreach (var setting in SettingsTable.All)
        {
            if (ValueOf(configuration, setting) is not { } value)
            {
                continue;
            }

            try
            {
                settings = setting.Read(settings, value.Trim());
            }
            catch (FormatException error)
            {
                errors.Add(new SettingError(setting.FullKey, $"{setting.FullKey} = \"{value}\": {error.Message}"));
            }
        }

        errors.AddRange(Misplaced(configuration.GetSection(SettingsTable.Section)));
        errors.AddRange(MistypedSections(configuration));
        return (settings, errors);
    }

    private static string? ValueOf(IConfigurationRoot configuration, SettingDefinition setting)
    {
        if (setting.IsList)
        {
            // Whole from the source of highest precedence that has one: merged by index it would be a list that nobody wrote.
            return configuration.Providers.Reverse().Select(provider => ListOf(provider, setting.FullKey)).FirstOrDefault(list => list is not null);
        }

        // "Upstream": "http://…" is short for its Address.
        return configuration[setting.FullKey] ?? (setting.Key == "Upstream:Address" ? configuration[$"{SettingsTable.Section}:Upstream"] : null);
    }

    /// <summary>In one line, whether it was written so or as an array.</summary>
    private static string? ListOf(IConfigurationProvider provider, string key)
    {
        if (provider.TryGet(key, out string? line) && line is not null)
        {
            return line;
        }

        string[] items =
        [
            .. provider.GetChildKeys([], key).Distinct(StringComparer.OrdinalIgnoreCase)
                .Select(item => provider.TryGet($"{key}:{item}", out string? value) ? value : null)
                .OfType<string>(),
        ];
        return items.Length == 0 ? null : string.Join(';', items);
    }

    /// <summary>What stands where no setting reads it: unknown names, and values of the wrong shape.</summary>
    private static IEnumerable<SettingError> Misplaced(IConfigurationSection node)
    {
        string key = KnownNames.BelowSection(node.Path);
        var children = node.GetChildren().ToArray();
        if (SettingsTable.All.FirstOrDefault(one => one.Key.Equals(key, StringComparison.OrdinalIgnoreCase)) is { } setting)
        {
            bool isShaped = setting.IsList
                ? children.All(item => int.TryParse(item.Key, out _) && !item.GetChildren().Any())
                : children.Length == 0;
            return isShaped ? [] : [new SettingError(setting.FullKey, $"{setting.FullKey}: must be a {setting.TypeName}, not an object or array of others")];
        }

        bool isSection = key.Length == 0 || SettingsTable.All.Any(one => one.Key.StartsWith(key + ":", StringComparison.OrdinalIgnoreCase));
        if (!isSection && children.Length == 0)
        {
            return [new SettingError(node.Path, $"{node.Path} = \"{node.Value}\": there is no such setting; the nearest is {SettingsTable.Section}:{KnownNames.Nearest(key)}")];
        }

        // A mistyped section is told of by what it holds: that says best what was meant.
        var below = children.SelectMany(Misplaced);
        bool isShorthand = key.Equals("Upstream", StringComparison.OrdinalIgnoreCase);
        return string.IsNullOrEmpty(node.Value) || isShorthand
            ? below
            : below.Prepend(new SettingError(node.Path, $"{node.Path} = \"{node.Value}\": this is a section, and takes no value; set one of its settings, like {Example(key)}"));
    }

    /// <summary>Whole sections that would be passed over in silence; what is not like ours belongs to whom the file is shared with.</summary>
    private static IEnumerable<SettingError> MistypedSections(IConfiguration root) =>
        from section in root.GetChildren()
        let nearest = KnownNames.NearestSection(section.Key)
        where nearest is not null
        select new SettingError(section.Key, $"{section.Key}: there is no such section; the nearest is {nearest}");

    private static string Example(string section) =>
        SettingsTable.All.First(one => one.Key.StartsWith(section, StringComparison.OrdinalIgnoreCase)).FullKey;
}
