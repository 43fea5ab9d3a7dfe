using Microsoft.AspNetCore.Connections;

namespace TimingProxy.Hosting;

/// <summary>
/// Marks the connections of the admin listeners. What a connection may ask is decided by the listener it came in on and by nothing the
/// client can write: not by <c>Host</c>, and not by a port number, which says nothing on Unix sockets.
/// </summary>
internal sealed class AdminConnection
{
    private static readonly AdminConnection Instance = new();

    public static bool Is(HttpContext context) => context.Features[typeof(AdminConnection)] is not null;

    public static ConnectionDelegate Mark(ConnectionDelegate next) => connection =>
    {
        connection.Features.Set(Instance);
        return next(connection);
    };
}
