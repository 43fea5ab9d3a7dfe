using System.CommandLine;
using System.CommandLine.Parsing;
using TimingProxy.Settings;

namespace TimingProxy.Hosting;

/// <summary>The command line: flags become settings of the highest precedence; what else there is to run is added by the caller.</summary>
internal sealed class CommandLine
{
    private readonly Option<string?> _config = new("--config")
    {
        Description = "Configuration file (default: appsettings.json in the current directory)",
        HelpName = "FILE",
        Recursive = true,
    };

    private readonly Option<bool> _demo = new("--demo") { Description = "Start with an embedded sample backend and light traffic" };

    private readonly Option<bool> _checkConfig = new("--check-config")
    {
        Description = "Print OK or every error of the configuration, and exit",
    };

    private readonly List<(Option<string?> Option, SettingDefinition Setting)> _settings =
    [
        .. SettingsTable.All.Where(setting => setting.Flag is not null).Select(setting => (
            new Option<string?>(setting.Flag!)
            {
                Description = $"{setting.Description.Replace("`", "", StringComparison.Ordinal)} [{setting.ShortEnvironment ?? setting.Environment}]",
                HelpName = setting.TypeName,
                Recursive = true,
            },
            setting)),
    ];

    private readonly RootCommand _root = new(
        "TimingProxy stands in front of an HTTP app, stamps X-Render-MS on each response, and exports upstream latency for Prometheus.");

    /// <param name="run">Starts the proxy, or with <c>true</c> only checks the configuration; returns the exit code.</param>
    public CommandLine(Func<StartOptions, bool, CancellationToken, Task<int>> run)
    {
        _settings.ForEach(pair => _root.Options.Add(pair.Option));
        _root.Options.Add(_config);
        _root.Options.Add(_demo);
        _root.Options.Add(_checkConfig);
        _root.SetAction((parsed, cancellationToken) => run(OptionsOf(parsed), parsed.GetValue(_checkConfig), cancellationToken));
    }

    public void Add(Command command) => _root.Subcommands.Add(command);

    /// <summary>What the proxy would be started with; subcommands read the same flags.</summary>
    /// <exception cref="StartupError"><c>--config</c> has an empty value: what is left of an unset <c>$VARIABLE</c>.</exception>
    public StartOptions OptionsOf(ParseResult parsed)
    {
        var flags = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        foreach (var (option, setting) in _settings)
        {
            if (parsed.GetValue(option) is { } value)
            {
                flags[setting.FullKey] = value;
            }
        }

        string? config = parsed.GetValue(_config);
        if (config is not null && string.IsNullOrWhiteSpace(config))
        {
            throw new StartupError(ExitCode.Usage, $"--config = \"{config}\": that names no file; write --config FILE, or leave it out for appsettings.json");
        }

        return new StartOptions(flags, config, parsed.GetValue(_demo), Environment.GetEnvironmentVariables());
    }

    /// <summary>Runs what the arguments ask for. Errors are one readable message on stderr, never a stack trace.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> InvokeAsync(string[] args)
    {
        var parsed = _root.Parse(args);
        if (parsed.Errors.Count != 0)
        {
            await Console.Error.WriteLineAsync($"{string.Join('\n', parsed.Errors.Select(error => error.Message))}\nSee timingproxy --help.");
            return ExitCode.Usage;
        }

        try
        {
            // The host handles signals itself: it has something to finish first.
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (StartupError error)
        {
            await Console.Error.WriteLineAsync(error.Message);
            return error.ExitCode;
        }
        catch (Exception error)
        {
            await Console.Error.WriteLineAsync($"Unexpected {error.GetType().Name}: {error.Message}");
            return ExitCode.Failure;
        }
    }
}
