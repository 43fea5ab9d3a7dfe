using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;
using TimingProxy.Settings;

namespace TimingProxy.Commands;

/// <summary>
/// Asks the admin port of the proxy that runs on this machine with the same settings, over TCP or a Unix socket. Made for commands that run
/// every few seconds: one request, no host, no proxy of the environment.
/// </summary>
internal sealed class AdminClient : IDisposable
{
    private readonly HttpClient _client;

    private AdminClient(Uri baseAddress, string? unixSocket)
    {
        var handler = new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, UseCookies = false };
        if (unixSocket is not null)
        {
            handler.ConnectCallback = (_, cancellationToken) => ConnectAsync(unixSocket, cancellationToken);
        }

        // The certificate is made out to names by which others know this machine. The peer is this machine, and nothing secret is sent.
#pragma warning disable CA5359
        handler.SslOptions = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = static (_, _, _, _) => true };
#pragma warning restore CA5359
        _client = new HttpClient(handler) { BaseAddress = baseAddress, Timeout = Timeout.InfiniteTimeSpan };
    }

    public Uri BaseAddress => _client.BaseAddress!;

    /// <summary>For the first address of <c>Admin:Listen</c> that is reached over loopback or a Unix socket; if there is none, the first.</summary>
    /// <exception cref="InvalidOperationException">The port cannot be known; the message has the mend.</exception>
    public static AdminClient Create(ProxySettings settings)
    {
        var addresses = settings.Admin.Listen.Select(BindingAddress.Parse).ToList();
        var address = addresses.Find(address => address.IsUnixPipe || IsLoopback(HostOf(address))) ?? addresses[0];
        if (address.IsUnixPipe)
        {
            return new AdminClient(new Uri($"{address.Scheme}://localhost/"), address.UnixPipePath);
        }

        if (address.Port == 0)
        {
            throw new InvalidOperationException($"Admin:Listen = \"{address}\": the port is chosen at start; give it a fixed one, like http://*:9464");
        }

        return new AdminClient(new UriBuilder(address.Scheme, HostOf(address), address.Port).Uri, unixSocket: null);
    }

    /// <summary>Sends a request without a body, and reads the whole answer as text.</summary>
    /// <exception cref="HttpRequestException">There was no answer.</exception>
    public async Task<(HttpStatusCode Status, string Text)> SendAsync(HttpMethod method, string path, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, path);
        using var response = await _client.SendAsync(request, cancellationToken);
        return (response.StatusCode, (await response.Content.ReadAsStringAsync(cancellationToken)).Trim());
    }

    public void Dispose() => _client.Dispose();

    /// <summary>Where an address that is listened on can be reached from this machine.</summary>
    private static string HostOf(BindingAddress address) => address.Host switch
    {
        "*" or "+" or "0.0.0.0" => "127.0.0.1",
        "[::]" => "[::1]",
        var host => host,
    };

    private static bool IsLoopback(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));

    private static async ValueTask<Stream> ConnectAsync(string path, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
