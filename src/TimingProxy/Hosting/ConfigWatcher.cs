using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;
using TimingProxy.Settings;

namespace TimingProxy.Hosting;

/// <summary>Finds everything that is wrong with a loaded configuration beyond the settings themselves, and puts a good one in force.</summary>
/// <param name="ErrorsOfAsync">Reads apart from what is running, and changes nothing.</param>
/// <param name="ApplyAsync">Called only where there was no error.</param>
internal sealed record ReloadTarget(
    Func<LoadedConfiguration, CancellationToken, ValueTask<IReadOnlyList<string>>> ErrorsOfAsync,
    Func<LoadedConfiguration, CancellationToken, ValueTask> ApplyAsync);

/// <summary>
/// Takes a changed configuration file whole or not at all. It looks at the content each second, through whatever links lead there: file
/// notifications miss the link that a ConfigMap is swapped by, and say nothing of when a writer is done.
/// </summary>
internal sealed partial class ConfigWatcher(
    StartOptions options,
    RunningConfiguration running,
    ReloadTarget target,
    ReloadStatus status,
    TimeProvider time,
    ILogger<ConfigWatcher> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>Not ours, and read by their owners when the process starts.</summary>
    private static readonly string[] SectionsOfTheStart = ["Kestrel", "Logging"];

    private readonly ConfigurationFile? _file = running.Initial.File;

    // Hash of the content that was last seen, good or bad, or why it could not be read: either is reported once.
    private string? _seen = running.Initial.File?.Hash;

    private PosixSignalRegistration? _hangUp;

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        WarnOf(running.Initial.Warnings);
        // Other servers read their configuration when they are sent this, and it must not be the end here.
        _hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
        {
            context.Cancel = true;
            LogHangUp();
        });
        return base.StartAsync(cancellationToken);
    }

    public override void Dispose()
    {
        _hangUp?.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (_file is null)
        {
            return;
        }

        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                await CheckAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host stops, or never came up; it would take this for a failure of its own.
        }
    }

    /// <summary>Looks once, and takes or rejects what is new.</summary>
    internal async ValueTask CheckAsync(CancellationToken cancellationToken)
    {
        ConfigurationFile file;
        try
        {
            // The path of the start: a default file must not become another one because the first was removed.
            file = await ConfigurationFile.ReadAsync(_file!.Path, cancellationToken);
        }
        catch (StartupError error)
        {
            if (error.Message != _seen)
            {
                _seen = error.Message;
                Reject(error.Message);
            }

            return;
        }

        if (file.Hash != _seen)
        {
            _seen = file.Hash;
            await TakeAsync(file, cancellationToken);
        }
    }

    private async ValueTask TakeAsync(ConfigurationFile file, CancellationToken cancellationToken)
    {
        try
        {
            var (loaded, error) = LoadedConfiguration.Read(options, file);
            var errors = await ErrorsOfAsync(loaded, error, cancellationToken);
            if (errors.Count != 0)
            {
                Reject(string.Join('\n', errors));
                return;
            }

            await target.ApplyAsync(loaded, cancellationToken);
            WarnOf(loaded.Warnings.Except(running.Current.Warnings));
            WarnOfRestart(running.Current, loaded);
            running.Current = loaded;
            status.Succeeded();
            LogTaken(file.Path);
        }
        catch (Exception error) when (!cancellationToken.IsCancellationRequested)
        {
            Reject(error.Message);
        }
    }

    private async ValueTask<IReadOnlyList<string>> ErrorsOfAsync(
        LoadedConfiguration loaded, StartupError? error, CancellationToken cancellationToken)
    {
        if (error is null)
        {
            return await target.ErrorsOfAsync(loaded, cancellationToken);
        }

        // Where the upstream's address is what is wrong, every route that leads there would be called wrong as well.
        if (loaded.Settings.Upstream.Address is null && running.Current.Settings.Upstream.Address is not null)
        {
            return [error.Message];
        }

        try
        {
            return [error.Message, .. await target.ErrorsOfAsync(loaded, cancellationToken)];
        }
        catch (StartupError further)
        {
            return [error.Message, further.Message];
        }
    }

    private void Reject(string errors)
    {
        status.Failed();
        LogRejected(_file!.Path, errors);
    }

    private void WarnOf(IEnumerable<string> warnings)
    {
        foreach (string warning in warnings)
        {
            LogWarning(warning);
        }
    }

    private void WarnOfRestart(LoadedConfiguration before, LoadedConfiguration after)
    {
        foreach (var setting in SettingsTable.All)
        {
            string value = setting.Show(after.Settings);
            string inForce = setting.Show(running.Initial.Settings);
            if (!setting.Reloads && value != setting.Show(before.Settings) && value != inForce)
            {
                LogNeedsRestart(setting.FullKey, value, inForce);
            }
        }

        foreach (string section in SectionsOfTheStart)
        {
            if (!Values(before, section).SequenceEqual(Values(after, section)))
            {
                LogSectionNeedsRestart(section);
            }
        }
    }

    private static IEnumerable<KeyValuePair<string, string?>> Values(LoadedConfiguration loaded, string section) =>
        loaded.Root.GetSection(section).AsEnumerable().OrderBy(pair => pair.Key, StringComparer.OrdinalIgnoreCase);

    [LoggerMessage(Level = LogLevel.Information, Message = "SIGHUP: there is nothing to do, the configuration file is looked at each second")]
    private partial void LogHangUp();

    [LoggerMessage(Level = LogLevel.Information, Message = "Configuration {Path} has changed and is in force")]
    private partial void LogTaken(string path);

    [LoggerMessage(Level = LogLevel.Error, Message = "Configuration {Path} has changed and is rejected; the last good one stays in force:\n{Errors}")]
    private partial void LogRejected(string path, string errors);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Key} = \"{Value}\" takes effect at the next start; until then it is \"{Running}\"")]
    private partial void LogNeedsRestart(string key, string value, string running);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Section} has changed, which takes effect at the next start")]
    private partial void LogSectionNeedsRestart(string section);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Warning}")]
    private partial void LogWarning(string warning);
}
