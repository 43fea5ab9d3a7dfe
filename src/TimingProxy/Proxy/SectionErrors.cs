using Microsoft.Extensions.Configuration;
using TimingProxy.Settings;
using static TimingProxy.Proxy.SectionPart;

namespace TimingProxy.Proxy;

/// <summary>Finds what stands in the <c>ReverseProxy</c> section and that YARP's reader would pass over, or fail with.</summary>
internal static class SectionErrors
{
    public static IEnumerable<SettingError> Of(IConfigurationSection section) => Of(section, SectionShape.Section);

    private static IEnumerable<SettingError> Of(IConfigurationSection at, SectionPart part)
    {
        var below = at.GetChildren().ToArray();
        return part switch
        {
            Value value when below.Length == 0 => Faults(at, value.Fault),
            Value => [Error(at, "takes one value, not an object or array")],
            Values values when string.IsNullOrEmpty(at.Value) => below.SelectMany(item => Of(item, new Value(values.Fault))),
            Values => [Error(at, $"must be an array, else it is passed over; write [\"{at.Value}\"]")],
            _ when !string.IsNullOrEmpty(at.Value) => [Error(at, NeedsMore(part))],
            Each each => below.SelectMany(entry => Of(entry, each.Entry)),
            Keys keys => below.SelectMany(child => keys.Find(child.Key) is { } known ? Of(child, known) : [Unknown(child, at, keys)]),
            _ => [],
        };
    }

    private static IEnumerable<SettingError> Faults(IConfigurationSection at, Func<string, string?> fault) =>
        at.Value is { } text && fault(text) is { } wrong ? [Error(at, wrong)] : [];

    private static SettingError Error(IConfigurationSection at, string message) =>
        new(at.Path, at.Value is { Length: > 0 } value ? $"{at.Path} = \"{value}\": {message}" : $"{at.Path}: {message}");

    private static string NeedsMore(SectionPart part) => part is Keys keys
        ? $"takes no value of its own; set {string.Join(", ", keys.All.Select(key => key.Name))} below it"
        : "takes no value of its own, but an object or array";

    private static SettingError Unknown(IConfigurationSection child, IConfigurationSection parent, Keys keys) =>
        child.Key.Equals(keys.IdOfAList, StringComparison.OrdinalIgnoreCase)
            ? Error(child, $"an id is the name of its object, and no key: write \"{child.Value}\": {{ … }} in place of a list")
            : Error(child, $"there is no such key, it would be passed over; the nearest is {parent.Path}:{Nearest(child.Key, keys)}");

    /// <summary>A key that is known one level below was most likely put one too high.</summary>
    private static string Nearest(string name, Keys keys) =>
        keys.All.Where(key => key.Part is Keys inner && inner.Find(name) is not null).Select(key => $"{key.Name}:{name}").FirstOrDefault()
        ?? KnownNames.Nearest(name, keys.All.Select(key => key.Name));
}
