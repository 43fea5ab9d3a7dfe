using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace TimingProxy.Hosting;

/// <summary>
/// Lets a request run where its bytes arrive: on the thread that polls the sockets, without a hop to the thread pool for each read and
/// write. That saves a good part of a request's CPU, and keeps the pool's delays out of the clock. It holds only while nothing on the way
/// of a request blocks; work of the admin port yields to the pool first. Beside that, bounds what is read ahead of a client.
/// </summary>
internal static class SocketTuning
{
    // Of Linux: tcp.h.
    private const int TcpLevel = 6;
    private const int UserTimeout = 18;

    // A client that takes nothing of an answer for so long, or is gone without a word, is not waited for.
    private static readonly TimeSpan LongestStandstill = TimeSpan.FromMinutes(1);

    /// <summary>
    /// Must run before the first socket is made: the runtime reads these once. What the user has set in the environment stays.
    /// </summary>
    public static void Apply()
    {
        SetDefault("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");
        SetDefault("DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT", "1");
        // How far an upstream's HTTP/2 stream may be ahead of its client, in bytes; by itself the window grows to 16 MiB, kept in memory.
        SetDefault("DOTNET_SYSTEM_NET_HTTP_SOCKETSHTTPHANDLER_FLOWCONTROL_MAXSTREAMWINDOWSIZE", "1048576");
    }

    public static void Configure(SocketTransportOptions transport)
    {
        transport.UnsafePreferInlineScheduling = true;
        transport.CreateBoundListenSocket = Listen;
    }

    /// <summary>What is accepted on a socket has its options.</summary>
    private static Socket Listen(EndPoint at)
    {
        var socket = SocketTransportOptions.CreateDefaultBoundListenSocket(at);
        if (OperatingSystem.IsLinux() && at is IPEndPoint)
        {
            int milliseconds = (int)LongestStandstill.TotalMilliseconds;
            socket.SetRawSocketOption(TcpLevel, UserTimeout, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in milliseconds)));
        }

        return socket;
    }

    private static void SetDefault(string name, string value)
    {
        if (Environment.GetEnvironmentVariable(name) is null)
        {
            Environment.SetEnvironmentVariable(name, value);
        }
    }
}
