using System.Net;
using System.Text;
using TimingProxy.Settings;
using TimingProxy.Timing;
using Yarp.ReverseProxy.Forwarder;

namespace TimingProxy.Proxy;

/// <summary>Builds the client of each cluster: YARP's own settings of it, and the defaults that a sidecar needs to be transparent.</summary>
internal sealed class UpstreamClientFactory(LiveSettings settings, RequestClock clock, ConnectionOpened opened)
    : ForwarderHttpClientFactory, IForwarderHttpClientFactory
{
    HttpMessageInvoker IForwarderHttpClientFactory.CreateClient(ForwarderHttpClientContext context)
    {
        var upstream = settings.Current.Upstream;
        string? unixSocket = context.NewMetadata?.GetValueOrDefault(UpstreamAddressFilter.UnixSocketKey);
        if (CanReuseOldClient(context) && context.OldClient is UpstreamClient old && old.Serves(upstream, unixSocket))
        {
            return old;
        }

        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            UseCookies = false,
            EnableMultipleHttp2Connections = true,
            // The client's trace headers pass through as they are.
            ActivityHeadersPropagator = null,
            ConnectTimeout = upstream.ConnectTimeout,
            PooledConnectionIdleTimeout = upstream.KeepAlive,
            // Names are resolved when a connection is opened, and one in steady use would never be opened again.
            PooledConnectionLifetime = upstream.ConnectionLifetime > TimeSpan.Zero ? upstream.ConnectionLifetime : Timeout.InfiniteTimeSpan,
            // Bytes in, bytes out: Latin-1 maps each byte to one character and back.
            RequestHeaderEncodingSelector = static (_, _) => Encoding.Latin1,
            ResponseHeaderEncodingSelector = static (_, _) => Encoding.Latin1,
        };
        if (upstream.MaxConnections > 0)
        {
            handler.MaxConnectionsPerServer = upstream.MaxConnections;
        }

        ConfigureHandler(context, handler);
        return new UpstreamClient(handler, upstream, unixSocket, client =>
        {
            var connector = new UpstreamConnector(context.ClusterId, client, handler.SslOptions, clock, opened);
            if (handler.UseProxy)
            {
                handler.ConnectCallback = connector.ConnectPlainAsync;
                return;
            }

            handler.ConnectCallback = connector.ConnectAsync;
            handler.PlaintextStreamFilter = connector.FilterAsync;
        });
    }
}
