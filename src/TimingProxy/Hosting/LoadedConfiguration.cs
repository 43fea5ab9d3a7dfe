using System.Collections;
using Microsoft.Extensions.Configuration;
using TimingProxy.Settings;

namespace TimingProxy.Hosting;

/// <summary>A configuration that was read whole, from flags, environment and file, and not yet put in force.</summary>
internal sealed record LoadedConfiguration(
    ProxySettings Settings, IConfigurationRoot Root, IReadOnlyList<string> Warnings, ConfigurationFile? File)
{
    /// <summary>Sections that are not ours and that the plain environment may speak of (<c>Logging__LogLevel__Default</c>).</summary>
    private static readonly string[] ForeignSections = ["ReverseProxy", "Kestrel", "Logging"];

    /// <summary>Reads the file, named or default, and then as <see cref="Read"/>.</summary>
    /// <exception cref="StartupError">Anything is wrong; the message has all of it.</exception>
    public static async ValueTask<LoadedConfiguration> LoadAsync(StartOptions options, CancellationToken cancellationToken)
    {
        var (loaded, error) = await TryLoadAsync(options, cancellationToken);
        return error is null ? loaded : throw error;
    }

    /// <summary>As <see cref="LoadAsync"/>, with what could be read beside an error in the settings.</summary>
    /// <exception cref="StartupError">The file cannot be read, or is broken.</exception>
    public static async ValueTask<(LoadedConfiguration Loaded, StartupError? Error)> TryLoadAsync(
        StartOptions options, CancellationToken cancellationToken)
    {
        string? path = options.ConfigPath ?? ConfigurationFile.FindDefault();
        var file = path is null ? null : await ConfigurationFile.ReadAsync(path, cancellationToken);
        return Read(options, file);
    }

    /// <summary>
    /// Puts together in order of precedence: (1) the file, (2) the environment, (3) flags; then (4) reads the settings, (5) and makes sure
    /// that there is something to proxy to.
    /// </summary>
    /// <returns>
    /// With an error in the settings, what could be read beside it all the same, so that the caller can look for what else is wrong.
    /// </returns>
    /// <exception cref="StartupError">The file is broken.</exception>
    public static (LoadedConfiguration Loaded, StartupError? Error) Read(StartOptions options, ConfigurationFile? file)
    {
        // (1)
        var builder = new ConfigurationBuilder();
        file?.AddTo(builder);
        // (2)
        var (settingsOfEnvironment, warnings) = EnvironmentNames.Read(options.Environment);
        builder.AddInMemoryCollection(ForeignEnvironment(options.Environment));
        builder.AddInMemoryCollection(settingsOfEnvironment);
        // (3)
        builder.AddInMemoryCollection(options.Flags);
        var root = builder.Build();

        // (4)
        var (settings, errors) = SettingsReader.Read(root);
        errors = [.. errors, .. AddressConflicts.Of(settings, Listeners.ListensOnSettings(settings, root))];
        if (settings.AccessLog is { Enabled: false, SlowMs: > 0 })
        {
            warnings.Add("TimingProxy:AccessLog:SlowMs is set, and nothing is logged: TimingProxy:AccessLog:Enabled is false");
        }

        if (LabelledRoutes(settings, root) is var routes && routes > settings.Metrics.MaxRoutes)
        {
            warnings.Add($"{routes} routes are configured, and TimingProxy:Metrics:MaxRoutes = \"{settings.Metrics.MaxRoutes}\": all but the first "
                + $"{settings.Metrics.MaxRoutes} that are requested share the label \"_other\"; raise TimingProxy:Metrics:MaxRoutes to {routes} or more");
        }

        var loaded = new LoadedConfiguration(settings, root, warnings, file);
        if (errors.Count != 0)
        {
            bool areAllOfFlags = errors.All(error => options.Flags.ContainsKey(error.Key));
            return (loaded, new StartupError(
                areAllOfFlags ? ExitCode.Usage : ExitCode.Configuration,
                string.Join('\n', errors.Select(error => loaded.Describe(error, options)))));
        }

        // (5)
        bool hasRoutes = root.GetSection("ReverseProxy:Routes").GetChildren().Any();
        return settings.Upstream.Address is not null || hasRoutes || options.Demo
            ? (loaded, null)
            : (loaded, new StartupError(
                ExitCode.Usage,
                """
                There is nothing to proxy to. Name the app in one of these ways:
                  timingproxy --upstream http://127.0.0.1:8000
                  TIMINGPROXY_UPSTREAM=http://app:8000 timingproxy
                  ReverseProxy:Routes in appsettings.json, or in the file of --config FILE
                or see it work without an app: timingproxy --demo
                """));
    }

    /// <summary>An error's message, after the flag, variable or file that its value is from.</summary>
    public string Describe(SettingError error, StartOptions options) => Describe(error, options, File);

    /// <summary>The same where only the file is known, or that there is none.</summary>
    public static string Describe(SettingError error, StartOptions options, ConfigurationFile? file)
    {
        var setting = KnownNames.Find(KnownNames.BelowSection(error.Key));
        if (setting?.Flag is { } flag && options.Flags.ContainsKey(error.Key))
        {
            return $"{flag}: {error.Message}";
        }

        string? source = (setting is null ? ForeignVariable(error.Key, options.Environment) : EnvironmentNames.VariableOf(setting, options.Environment)) ?? file?.Path;
        return source is null ? error.Message : $"{source}: {error.Message}";
    }

    /// <summary>How many routes there are that each have a label of their own; the catch-all <c>default</c> has a place beside them.</summary>
    private static int LabelledRoutes(ProxySettings settings, IConfiguration root) =>
        root.GetSection("ReverseProxy:Routes").GetChildren().Count()
        + (settings.Upstream.Address is null ? 0 : settings.Metrics.Routes.Distinct(StringComparer.OrdinalIgnoreCase).Count());

    /// <summary>The variable that sets <paramref name="key"/> or something below it; null where there is none.</summary>
    private static string? ForeignVariable(string key, IDictionary variables) =>
        variables.Keys.Cast<string>().Order(StringComparer.Ordinal).FirstOrDefault(name =>
            IsForeign(KeyOf(name)) && $"{KeyOf(name)}:".StartsWith($"{key}:", StringComparison.OrdinalIgnoreCase));

    private static string KeyOf(string variable) => variable.Replace("__", ":", StringComparison.Ordinal);

    private static bool IsForeign(string key) => ForeignSections.Any(section => key.StartsWith(section + ":", StringComparison.OrdinalIgnoreCase));

    private static Dictionary<string, string?> ForeignEnvironment(IDictionary variables)
    {
        var found = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        foreach (DictionaryEntry variable in variables)
        {
            string key = KeyOf((string)variable.Key);
            if (IsForeign(key))
            {
                found[key] = (string?)variable.Value;
            }
        }

        return found;
    }
}
