using TimingProxy.Settings;

namespace TimingProxy.Hosting;

/// <summary>Levels of the section <c>Logging</c>, which its owner reads only when the first line is logged, and then fails with a wrong one.</summary>
internal static class LogLevels
{
    private const string Section = "Logging";
    private const string Levels = "LogLevel";

    public static IEnumerable<SettingError> Errors(IConfiguration configuration)
    {
        var logging = configuration.GetSection(Section);
        // Below Logging itself, and below the name of whatever writes the log: Logging:Console:LogLevel.
        return logging.GetChildren().Select(provider => provider.GetSection(Levels)).Prepend(logging.GetSection(Levels))
            .SelectMany(levels => levels.GetChildren())
            .Where(level => !string.IsNullOrEmpty(level.Value) && !IsLevel(level.Value))
            .Select(level => new SettingError(
                level.Path, $"{level.Path} = \"{level.Value}\": there is no such level; write one of {string.Join(", ", Enum.GetNames<LogLevel>())}"));
    }

    private static bool IsLevel(string text) => Enum.TryParse<LogLevel>(text, ignoreCase: true, out var level) && Enum.IsDefined(level);
}
