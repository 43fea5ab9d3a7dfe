namespace TimingProxy.Settings;

/// <summary>Which names of settings there are, and which of them somebody may have meant.</summary>
internal static class KnownNames
{
    private static readonly string[] Sections = [SettingsTable.Section, "ReverseProxy"];

    /// <summary>The setting that <paramref name="key"/> (below <c>TimingProxy:</c>) is, or is an item of; null where there is none.</summary>
    public static SettingDefinition? Find(string key)
    {
        foreach (var setting in SettingsTable.All)
        {
            bool isItem = setting.IsList
                && key.Length > setting.Key.Length
                && key[setting.Key.Length] == ':'
                && key.StartsWith(setting.Key, StringComparison.OrdinalIgnoreCase)
                && int.TryParse(key.AsSpan(setting.Key.Length + 1), out _);
            if (isItem || key.Equals(setting.Key, StringComparison.OrdinalIgnoreCase))
            {
                return setting;
            }
        }

        return null;
    }

    /// <summary>What of a full key stands below <c>TimingProxy:</c>; empty where nothing does.</summary>
    public static string BelowSection(string fullKey) =>
        fullKey.StartsWith(SettingsTable.Section + ":", StringComparison.OrdinalIgnoreCase) ? fullKey[(SettingsTable.Section.Length + 1)..] : "";

    /// <summary>
    /// The known name with the fewest edits to <paramref name="key"/>. A single word may also be meant for a section, or for a setting
    /// without its section.
    /// </summary>
    public static string Nearest(string key) => SettingsTable.All.MinBy(setting => WordsFor(setting, key).Min(word => Distance(word, key)))!.Key;

    /// <summary>Of <paramref name="names"/> the one with the fewest edits to <paramref name="name"/>.</summary>
    public static string Nearest(string name, IEnumerable<string> names) => names.MinBy(known => Distance(known, name))!;

    /// <summary>The section of ours that <paramref name="section"/> is a slip of the pen away from; null where it is one of ours, or somebody else's.</summary>
    public static string? NearestSection(string section) => Sections.FirstOrDefault(own => Distance(own, section) is 1 or 2);

    private static IEnumerable<string> WordsFor(SettingDefinition setting, string key) =>
        key.Contains(':', StringComparison.Ordinal) ? [setting.Key] : setting.Key.Split(':').Prepend(setting.Key);

    /// <summary>Levenshtein distance without regard to case.</summary>
    private static int Distance(string left, string right)
    {
        left = left.ToUpperInvariant();
        right = right.ToUpperInvariant();
        int[] previous = [.. Enumerable.Range(0, right.Length + 1)];
        for (int i = 0; i < left.Length; i++)
        {
            int[] current = new int[right.Length + 1];
            current[0] = i + 1;
            for (int j = 0; j < right.Length; j++)
            {
                int replaced = previous[j] + (left[i] == right[j] ? 0 : 1);
                current[j + 1] = Math.Min(replaced, Math.Min(previous[j + 1], current[j]) + 1);
            }

            previous = current;
        }

        return previous[right.Length];
    }
}
