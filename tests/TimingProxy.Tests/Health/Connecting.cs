using System.Net.Sockets;

namespace TimingProxy.Tests.Health;

internal static class Connecting
{
    /// <summary>Connects as the handler would, and tells of each connection.</summary>
    public static Func<SocketsHttpConnectionContext, CancellationToken, ValueTask<Stream>> Counted(Action connected) =>
        async (context, cancellationToken) =>
        {
            connected();
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        };
}
