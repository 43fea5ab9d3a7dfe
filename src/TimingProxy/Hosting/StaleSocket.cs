using System.Net;
using System.Net.Sockets;

namespace TimingProxy.Hosting;

/// <summary>
/// A process that was killed leaves the file of its Unix socket behind, and where the folder outlives the container no later one could listen
/// there. As other proxies do, a socket on which nobody listens any more is removed first.
/// </summary>
internal static class StaleSocket
{
    // ENXIO of Linux: what opening a socket as a file gives, and opening another file does not.
    private const int NoSuchDevice = 6;

    /// <summary>Leaves alone what is no socket, and a socket on which somebody listens: binding then says that it is in use.</summary>
    public static async ValueTask RemoveAsync(EndPoint endPoint, CancellationToken cancellationToken)
    {
        if (endPoint is not UnixDomainSocketEndPoint || endPoint.ToString() is not { } path || !IsSocket(path))
        {
            return;
        }

        try
        {
            using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await probe.ConnectAsync(endPoint, cancellationToken);
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.ConnectionRefused)
        {
            File.Delete(path);
        }
        catch (SocketException)
        {
            // Whatever is wrong with it, binding says so.
        }
    }

    private static bool IsSocket(string path)
    {
        try
        {
            using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
            return false;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return error.HResult == NoSuchDevice;
        }
    }
}
