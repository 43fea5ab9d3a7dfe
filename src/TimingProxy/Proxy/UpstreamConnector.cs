using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using TimingProxy.Settings;
using TimingProxy.Timing;

namespace TimingProxy.Proxy;

/// <summary>
/// Is told of each new connection to an upstream, but for those of health checks: cluster, and how long connecting and TLS took in ticks of the clock.
/// </summary>
internal delegate void ConnectionOpened(string cluster, long ticks);

/// <summary>
/// Opens the connections of one cluster: TCP or Unix socket, and TLS with the name in the upstream's address. Left to itself the handler
/// would take SNI and the certificate's name from the request's <c>Host</c>, which here is the client's word.
/// </summary>
internal sealed class UpstreamConnector(
    string cluster,
    UpstreamClient client,
    SslClientAuthenticationOptions tls,
    RequestClock clock,
    ConnectionOpened opened)
{
    // Of the cluster's destinations, one mostly.
    private readonly ConcurrentDictionary<string, UpstreamName> _names = new(StringComparer.OrdinalIgnoreCase);

    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        long begin = clock.Now;
        var connected = await OpenAsync(context.DnsEndPoint, cancellationToken);
        var request = context.InitialRequestMessage;
        Stream stream = request.RequestUri!.Scheme == Uri.UriSchemeHttps
            ? await SecureAsync(connected, request, cancellationToken)
            : new UpstreamConnection(connected, client, clock, connected.Socket);
        if (!UpstreamClient.IsProbe(request))
        {
            opened(cluster, clock.Now - begin);
        }

        return stream;
    }

    /// <summary>
    /// Over TLS it is within it that a connection is watched: only there can it be seen what is written. The handler, which looks for TLS on
    /// the outside of what it is given, asks for this afterwards.
    /// </summary>
    public ValueTask<Stream> FilterAsync(SocketsHttpPlaintextStreamFilterContext context, CancellationToken cancellationToken) =>
        ValueTask.FromResult(context.PlaintextStream is SslStream secure ? new UpstreamConnection(secure, client, clock, socket: null) : context.PlaintextStream);

    /// <summary>Without TLS: for upstreams behind a forward proxy, where the handler builds the tunnel.</summary>
    public async ValueTask<Stream> ConnectPlainAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var connected = await OpenAsync(context.DnsEndPoint, cancellationToken);
        return new UpstreamConnection(connected, client, clock, connected.Socket);
    }

    private async ValueTask<NetworkStream> OpenAsync(DnsEndPoint endPoint, CancellationToken cancellationToken)
    {
        if (client.UnixSocket is { } path)
        {
            return await OpenAsync(
                new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified), new UnixDomainSocketEndPoint(path), cancellationToken);
        }

        var name = _names.GetOrAdd(endPoint.Host, static (host, clock) => new UpstreamName(host, clock, Dns.GetHostAddressesAsync), clock);
        var addresses = await name.AddressesAsync(cancellationToken);
        try
        {
            return await OpenAnyAsync(name, addresses, endPoint.Port, cancellationToken);
        }
        catch (SocketException error) when (error.SocketErrorCode != SocketError.TooManyOpenSockets)
        {
            var others = (await name.LookUpAgainAsync(cancellationToken)).Except(addresses).ToArray();
            if (others.Length == 0)
            {
                throw;
            }

            return await OpenAnyAsync(name, others, endPoint.Port, cancellationToken);
        }
    }

    /// <summary>Connects to the first of the addresses that can be connected to; else the last one's failure is told.</summary>
    private static async ValueTask<NetworkStream> OpenAnyAsync(UpstreamName name, IPAddress[] addresses, int port, CancellationToken cancellationToken)
    {
        for (int i = 0; ; i++)
        {
            try
            {
                var address = addresses[i];
                var opened = await OpenAsync(
                    new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true }, new IPEndPoint(address, port), cancellationToken);
                name.Connected(address);
                return opened;
            }
            catch (SocketException error) when (error.SocketErrorCode != SocketError.TooManyOpenSockets && i < addresses.Length - 1)
            {
                // The next one, perhaps.
            }
        }
    }

    private static async ValueTask<NetworkStream> OpenAsync(Socket socket, EndPoint target, CancellationToken cancellationToken)
    {
        try
        {
            // Before it is connected, which may take its time: those under way count as well.
            if (socket.Handle >= Descriptors.EndForUpstreams)
            {
                throw new SocketException((int)SocketError.TooManyOpenSockets);
            }

            await socket.ConnectAsync(target, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async ValueTask<Stream> SecureAsync(Stream stream, HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var secure = new SslStream(stream);
        try
        {
            await secure.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = request.RequestUri!.IdnHost,
                    ApplicationProtocols = Protocols(request),
                    EnabledSslProtocols = tls.EnabledSslProtocols,
                    RemoteCertificateValidationCallback = tls.RemoteCertificateValidationCallback,
                },
                cancellationToken);
            return secure;
        }
        catch
        {
            await secure.DisposeAsync();
            throw;
        }
    }

    private static List<SslApplicationProtocol> Protocols(HttpRequestMessage request) =>
        (request.Version.Major, request.VersionPolicy) switch
        {
            (1, HttpVersionPolicy.RequestVersionOrHigher) => [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
            (1, _) => [SslApplicationProtocol.Http11],
            (_, HttpVersionPolicy.RequestVersionOrLower) => [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
            _ => [SslApplicationProtocol.Http2],
        };
}
