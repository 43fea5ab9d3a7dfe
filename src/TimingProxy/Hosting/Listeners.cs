using System.Security.Cryptography;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using TimingProxy.Settings;

namespace TimingProxy.Hosting;

/// <summary>The traffic and admin listeners, and the limits of both.</summary>
internal static class Listeners
{
    private const int Kilobyte = 1024;

    /// <summary>Adds the server, and what it listens with.</summary>
    public static void AddListeners(this WebApplicationBuilder builder, ProxySettings settings, IConfiguration configuration)
    {
        builder.Services.AddSingleton(services => ActivatorUtilities.CreateInstance<ServerCertificates>(services, configuration));
        builder.Services.AddSingleton<BoundAddresses>();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().UseSockets(SocketTuning.Configure);
        builder.Services.AddSingleton<IMemoryPoolFactory<byte>, NetworkBuffers>();
        // The last that is registered is asked first.
        builder.Services.AddSingleton<PatientListeners>();
        builder.Services.AddSingleton<IConnectionListenerFactory, ReservingListeners>();
        builder.WebHost.ConfigureKestrel((_, kestrel) => Configure(
            kestrel,
            settings,
            configuration,
            kestrel.ApplicationServices.GetRequiredService<ServerCertificates>(),
            kestrel.ApplicationServices.GetRequiredService<BoundAddresses>(),
            kestrel.ApplicationServices.GetRequiredService<TimeProvider>()));
    }

    /// <summary>Takes effect once, before the server starts.</summary>
    private static void Configure(
        KestrelServerOptions kestrel,
        ProxySettings settings,
        IConfiguration configuration,
        ServerCertificates certificates,
        BoundAddresses bound,
        TimeProvider time)
    {
        SetLimits(kestrel);
        var lateClose = LateClose.Middleware(time);
        if (ListensOnSettings(settings, configuration))
        {
            foreach (string address in settings.Listen)
            {
                ListenAddress.Bind(kestrel, address, (listen, isTls) =>
                {
                    listen.Use(lateClose);
                    ConfigureTraffic(listen, isTls, certificates);
                });
            }
        }
        else
        {
            kestrel.ConfigureEndpointDefaults(listen =>
            {
                listen.Use(lateClose);
                UsePlainHttp2(listen);
            });
            kestrel.Configure(configuration.GetSection("Kestrel"), reloadOnChange: false);
        }

        foreach (string address in settings.Admin.Listen)
        {
            ListenAddress.Bind(kestrel, address, (listen, isTls) =>
            {
                UseTls(listen, isTls, certificates);
                listen.Use(AdminConnection.Mark);
                bound.AddAdmin(listen);
            });
        }
    }

    /// <summary>Whether the traffic listeners are those of <c>Listen</c>; else they are those of <c>Kestrel:Endpoints</c>.</summary>
    public static bool ListensOnSettings(ProxySettings settings, IConfiguration configuration) =>
        settings.ListenIsSet || !configuration.GetSection("Kestrel:Endpoints").GetChildren().Any();

    /// <summary>Where the process was told to listen, for messages: addresses, and of those that are no setting of ours the key.</summary>
    public static IEnumerable<string> Configured(LoadedConfiguration loaded) =>
    [
        .. ListensOnSettings(loaded.Settings, loaded.Root)
            ? loaded.Settings.Listen
            : loaded.Root.GetSection("Kestrel:Endpoints").GetChildren().Select(endpoint => $"{endpoint["Url"]} ({endpoint.Path})"),
        .. loaded.Settings.Admin.Listen,
    ];

    public static bool NeedCertificate(ProxySettings settings) =>
        settings.Listen.Concat(settings.Admin.Listen).Any(address => address.StartsWith("https:", StringComparison.OrdinalIgnoreCase));

    /// <summary>Reads <c>Kestrel:Endpoints</c>, certificates included, which the server would else do when it starts.</summary>
    /// <exception cref="StartupError">They cannot be listened on as they are configured.</exception>
    public static void CheckEndpoints(KestrelServerOptions kestrel)
    {
        try
        {
            kestrel.ConfigurationLoader?.Load();
        }
        catch (Exception error) when (error is FormatException or InvalidOperationException or ArgumentException
            or IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new StartupError(ExitCode.Configuration, $"Kestrel:Endpoints: {error.Message}");
        }
    }

    private static void SetLimits(KestrelServerOptions kestrel)
    {
        // RFC 9112 lets a server take a bare LF for a line's end; a backend may not, and read another request.
        AppContext.SetSwitch("Microsoft.AspNetCore.Server.Kestrel.DisableHttp1LineFeedTerminators", true);
        kestrel.AddServerHeader = false;
        // HTTP/2 in the clear is given the features of TLS; its scheme stays http.
        kestrel.AllowAlternateSchemes = true;
        kestrel.RequestHeaderEncodingSelector = HeaderEncodings.OfRequest;
        kestrel.ResponseHeaderEncodingSelector = HeaderEncodings.OfResponse;

        var limits = kestrel.Limits;
        limits.MaxRequestBodySize = null;
        // A target of 32 KB, with its method and version.
        limits.MaxRequestLineSize = 33 * Kilobyte;
        limits.MaxRequestHeadersTotalSize = 64 * Kilobyte;
        limits.MaxRequestHeaderCount = 256;
        limits.Http2.MaxRequestHeaderFieldSize = 64 * Kilobyte;
        limits.Http2.MaxStreamsPerConnection = 250;
        // A sidecar does not judge how fast its clients are; these only end connections on which nothing moves.
        // Bodies have a limit of silence of their own: a rate is an average, by which who has sent a megabyte may be silent for days.
        limits.MinRequestBodyDataRate = null;
        limits.MinResponseDataRate = new MinDataRate(bytesPerSecond: 1, gracePeriod: TimeSpan.FromSeconds(60));
    }

    private static void ConfigureTraffic(ListenOptions listen, bool isTls, ServerCertificates certificates)
    {
        UseTls(listen, isTls, certificates);
        if (!isTls)
        {
            UsePlainHttp2(listen);
        }
    }

    private static void UsePlainHttp2(ListenOptions listen) => listen.Use(PriorKnowledgeHttp2.Detect);

    private static void UseTls(ListenOptions listen, bool isTls, ServerCertificates certificates)
    {
        if (isTls)
        {
            listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ => certificates.OptionsAsync() });
        }
    }
}
