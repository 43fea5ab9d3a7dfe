using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;

namespace TimingProxy.Hosting;

/// <summary>Starts the server and waits for its end.</summary>
internal static class Startup
{
    /// <param name="addresses">Those that are to be listened on, for the message where one cannot be: the system does not say which.</param>
    /// <param name="started">Called once everything is listened on.</param>
    /// <exception cref="StartupError">An address cannot be listened on.</exception>
    public static async Task RunAsync(WebApplication app, string addresses, Func<Task> started, CancellationToken cancellationToken)
    {
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch (IOException error) when (error.InnerException is AddressInUseException)
        {
            // "Failed to bind to address http://…: address already in use."
            throw new StartupError(
                ExitCode.Unavailable, $"{error.Message} Stop what listens there, or choose another with --listen or --admin.");
        }
        catch (SocketException error)
        {
            string mend = error.SocketErrorCode == SocketError.AccessDenied
                ? "ports below 1024 need a privilege; choose others with --listen or --admin"
                : "name addresses of this machine, and sockets in folders that exist, with --listen and --admin";
            throw new StartupError(ExitCode.Failure, $"One of {addresses} cannot be listened on: {error.Message}; {mend}.");
        }

        await started();
        await app.WaitForShutdownAsync(cancellationToken);
    }
}
