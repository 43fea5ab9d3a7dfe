using System.CommandLine;
using TimingProxy.Hosting;
using TimingProxy.Settings;

namespace TimingProxy.Commands;

/// <summary>Commands about the proxy that runs beside: for a container's health check and its preStop hook.</summary>
internal static class ProcessCommands
{
    /// <param name="settings">Reads the settings that the running proxy was started with.</param>
    public static Command Health(Func<ParseResult, CancellationToken, Task<ProxySettings>> settings)
    {
        var command = new Command("health", "Ask the own /readyz; exit 0 where it is ready, else 1");
        command.SetAction(async (parsed, cancellationToken) =>
        {
            return await SettingsOfAsync(settings, parsed, cancellationToken) is { } current
                ? await new HealthCommand(TimeProvider.System).RunAsync(current, Console.Out, cancellationToken)
                : ExitCode.Failure;
        });
        return command;
    }

    public static Command Drain(Func<ParseResult, CancellationToken, Task<ProxySettings>> settings, TimeProvider time)
    {
        var noWait = new Option<bool>("--no-wait") { Description = "Return at once instead of after Health:DrainDelay" };
        var command = new Command("drain", "Fail readiness and keep serving, then wait Health:DrainDelay: for a preStop hook") { noWait };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            return await SettingsOfAsync(settings, parsed, cancellationToken) is { } current
                ? await new DrainCommand(time).RunAsync(current, !parsed.GetValue(noWait), Console.Out, cancellationToken)
                : ExitCode.Failure;
        });
        return command;
    }

    /// <summary>Null where there are none, with the reason printed: for who asks, a proxy that cannot have started is one that is not ready.</summary>
    private static async Task<ProxySettings?> SettingsOfAsync(
        Func<ParseResult, CancellationToken, Task<ProxySettings>> settings, ParseResult parsed, CancellationToken cancellationToken)
    {
        try
        {
            return await settings(parsed, cancellationToken);
        }
        catch (StartupError error)
        {
            await Console.Error.WriteLineAsync(error.Message);
            return null;
        }
    }
}
