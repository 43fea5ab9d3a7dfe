using System.CommandLine;
using TimingProxy.Settings;

namespace TimingProxy.Commands;

/// <summary>Commands about the proxy that runs beside: for a container's health check and its preStop hook.</summary>
internal static class ProcessCommands
{
    /// <param name="settings">Reads the settings by which the running proxy is found.</param>
    public static Command Health(Func<ParseResult, CancellationToken, Task<ProxySettings>> settings)
    {
        var command = new Command("health", "Ask the own /readyz; exit 0 where it is ready, else 1");
        command.SetAction(async (parsed, cancellationToken) => await new HealthCommand(TimeProvider.System)
            .RunAsync(await settings(parsed, cancellationToken), Console.Out, cancellationToken));
        return command;
    }

    public static Command Drain(Func<ParseResult, CancellationToken, Task<ProxySettings>> settings, TimeProvider time)
    {
        var noWait = new Option<bool>("--no-wait") { Description = "Return at once instead of after Health:DrainDelay" };
        var command = new Command("drain", "Fail readiness and keep serving, then wait Health:DrainDelay: for a preStop hook") { noWait };
        command.SetAction(async (parsed, cancellationToken) => await new DrainCommand(time)
            .RunAsync(await settings(parsed, cancellationToken), !parsed.GetValue(noWait), Console.Out, cancellationToken));
        return command;
    }
}
