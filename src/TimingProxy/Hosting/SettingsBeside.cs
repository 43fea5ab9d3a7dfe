using Microsoft.Extensions.Configuration;
using TimingProxy.Settings;

namespace TimingProxy.Hosting;

/// <summary>
/// The settings by which a command finds the proxy that runs beside it. That serves on with its last good configuration, whatever has become of
/// the file since: so nothing that is wrong with the configuration may keep a health check or a preStop hook from asking.
/// </summary>
internal static class SettingsBeside
{
    // What such commands go by; what is wrong elsewhere is none of their business.
    private static readonly string[] Used = ["TimingProxy:Admin:Listen", "TimingProxy:Health:DrainDelay"];

    /// <summary>Flags, environment and file by their precedence, as far as they can be read; the rest are defaults.</summary>
    /// <param name="complaints">Is told what the command would have gone by and could not.</param>
    /// <exception cref="StartupError">A flag has a bad value.</exception>
    public static async Task<ProxySettings> ReadAsync(StartOptions options, TextWriter complaints, CancellationToken cancellationToken)
    {
        var (_, wrongFlags) = SettingsReader.Read(new ConfigurationBuilder().AddInMemoryCollection(options.Flags).Build());
        if (wrongFlags.Count != 0)
        {
            throw new StartupError(
                ExitCode.Usage, string.Join('\n', wrongFlags.Select(error => LoadedConfiguration.Describe(error, options, file: null))));
        }

        var loaded = await LoadAsync(options, complaints, cancellationToken);
        var (settings, errors) = SettingsReader.Read(loaded.Root);
        foreach (var error in errors.Where(error => Used.Contains(error.Key)))
        {
            string instead = KnownNames.Find(KnownNames.BelowSection(error.Key))!.Default;
            await complaints.WriteLineAsync($"{LoadedConfiguration.Describe(error, options, loaded.File)}; going by the default, {instead}");
        }

        return settings;
    }

    private static async Task<LoadedConfiguration> LoadAsync(StartOptions options, TextWriter complaints, CancellationToken cancellationToken)
    {
        try
        {
            return (await LoadedConfiguration.TryLoadAsync(options, cancellationToken)).Loaded;
        }
        catch (StartupError error)
        {
            await complaints.WriteLineAsync($"{error.Message.TrimEnd('.')}; going by flags, environment and defaults");
            return LoadedConfiguration.Read(options, file: null).Loaded;
        }
    }
}
