using System.Net;
using System.Net.Sockets;

namespace TimingProxy.EndToEnd.Fixtures;

/// <summary>
/// Ports for processes that must be told theirs. They are taken below the range that the system gives to outgoing
/// connections, so that none of those can take one between the look and the use.
/// </summary>
public static class FreePort
{
    private const int First = 20_000;
    private const int Last = 32_000;
    private static int _last = First + (Environment.ProcessId * 37 % (Last - First));

    public static int Next()
    {
        while (true)
        {
            var port = First + (Interlocked.Increment(ref _last) % (Last - First));
            using var probe = new TcpListener(IPAddress.Loopback, port);
            try
            {
                probe.Start();
                return port;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                // Somebody else's; the next one, then.
            }
        }
    }
}
