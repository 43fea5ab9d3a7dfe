using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;

namespace TimingProxy.Hosting;

/// <summary>Starts the server and waits for its end.</summary>
internal static class Startup
{
    /// <param name="started">Called once everything is listened on.</param>
    /// <exception cref="StartupError">An address cannot be listened on.</exception>
    public static async Task RunAsync(WebApplication app, Func<Task> started, CancellationToken cancellationToken)
    {
        var configuration = app.Services.GetRequiredService<RunningConfiguration>().Initial;
        string where = Listeners.ListensOnSettings(configuration.Settings, configuration.Root) ? "with --listen or --admin" : "in Kestrel:Endpoints or with --admin";
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch (IOException error) when (error.InnerException is AddressInUseException)
        {
            // "Failed to bind to address http://…: address already in use."
            throw new StartupError(
                ExitCode.Unavailable, $"{error.Message} Stop what listens there, or choose another {where}.");
        }
        catch (SocketException error)
        {
            string mend = error.SocketErrorCode == SocketError.AccessDenied
                ? $"ports below 1024 need a privilege; choose others {where}"
                : $"name addresses of this machine, and sockets in folders that exist, {where}";
            // The system does not say which.
            string addresses = string.Join(", ", Listeners.Configured(configuration));
            throw new StartupError(ExitCode.Failure, $"One of {addresses} cannot be listened on: {error.Message}; {mend}.");
        }

        await started();
        await app.WaitForShutdownAsync(cancellationToken);
    }
}
