using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace TimingProxy.Tests.Functional;

/// <summary>A backend that speaks HTTP as a server of its own does: Kestrel in this process.</summary>
internal sealed class Backend : IAsyncDisposable
{
    private readonly WebApplication _app;

    private Backend(WebApplication app) => _app = app;

    public Uri Address => new(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    /// <param name="handle">Answers every request.</param>
    /// <param name="listen">Where and how to listen; by default on a free loopback port, HTTP/1.1.</param>
    public static async Task<Backend> StartAsync(RequestDelegate handle, Action<KestrelServerOptions>? listen = null)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.MaxRequestLineSize = 64 * 1024;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.MinResponseDataRate = null;
            if (listen is null)
            {
                kestrel.Listen(IPAddress.Loopback, 0, options => options.Protocols = HttpProtocols.Http1);
            }
            else
            {
                listen(kestrel);
            }
        });
        var app = builder.Build();
        app.Run(handle);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new Backend(app);
    }

    public static void ListenHttp2(KestrelServerOptions kestrel) =>
        kestrel.Listen(IPAddress.Loopback, 0, options => options.Protocols = HttpProtocols.Http2);

    public async ValueTask DisposeAsync()
    {
        // Requests that still hang are not waited for.
        await _app.StopAsync(new CancellationToken(canceled: true));
        await _app.DisposeAsync();
    }
}

/// <summary>A backend that writes whatever bytes its script says.</summary>
internal sealed class RawBackend : IAsyncDisposable
{
    private static readonly ConcurrentBag<Socket> Taken = [];

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentBag<Wire> _wires = [];
    private readonly Func<Wire, Task> _script;
    private readonly SslServerAuthenticationOptions? _tls;
    private int _connections;

    /// <param name="script">Runs once a connection, which is closed after it.</param>
    /// <param name="tls">Where it is not spoken to in the clear.</param>
    public RawBackend(Func<Wire, Task> script, SslServerAuthenticationOptions? tls = null)
    {
        _script = script;
        _tls = tls;
        _listener.Start();
        _ = AcceptAsync();
    }

    public Uri Address => new($"http://{_listener.LocalEndpoint}");

    public int Connections => Volatile.Read(ref _connections);

    /// <summary>Reads one request without its body, and writes this.</summary>
    public static RawBackend Answering(string answer) => new(async wire =>
    {
        await wire.ReadHeadAsync();
        await wire.SendAsync(answer);
    });

    /// <summary>An address at which nobody listens, nor will: its port is taken.</summary>
    public static Uri Nobody()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        Taken.Add(socket);
        return new Uri($"http://{socket.LocalEndPoint}");
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        foreach (var wire in _wires)
        {
            await wire.DisposeAsync();
        }
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptSocketAsync();
                Interlocked.Increment(ref _connections);
                _ = ServeAsync(socket);
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // The listener was closed.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        try
        {
            await using var wire = _tls is null ? new Wire(socket) : await Wire.AcceptTlsAsync(socket, _tls);
            _wires.Add(wire);
            await _script(wire);
        }
        catch (Exception error) when (error
            is IOException or ObjectDisposedException or OperationCanceledException or SocketException or AuthenticationException)
        {
            // The other side went away, or the test is over.
        }
    }
}
