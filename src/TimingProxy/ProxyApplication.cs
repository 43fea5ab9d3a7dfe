using System.Diagnostics;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;
using TimingProxy.AccessLog;
using TimingProxy.Admin;
using TimingProxy.Demo;
using TimingProxy.Health;
using TimingProxy.Hosting;
using TimingProxy.Insight;
using TimingProxy.Metrics;
using TimingProxy.Proxy;
using TimingProxy.Routes;
using TimingProxy.Settings;
using TimingProxy.Timing;

namespace TimingProxy;

/// <summary>Puts the rooms together: the one place where what one of them shows is handed to another.</summary>
internal static class ProxyApplication
{
    // A scraper that asks twice in a moment is given the same answer.
    private static readonly TimeSpan ScrapeCache = TimeSpan.FromMilliseconds(300);

    /// <param name="error">What is wrong with the settings; thrown together with what is wrong with routes and clusters.</param>
    /// <exception cref="StartupError">Anything is wrong; the message has all of it.</exception>
    public static async Task<WebApplication> BuildAsync(
        StartOptions options, LoadedConfiguration loaded, StartupError? error, TimeProvider time)
    {
        if (error is null)
        {
            return await BuildAsync(options, loaded, time);
        }

        // Without its address the shorthand's cluster is missing, and routes to it would be blamed for that.
        bool hasAddress = loaded.Settings.Upstream.Address is not null || loaded.Root["TimingProxy:Upstream:Address"] is null;
        bool hasRoutes = loaded.Root.GetSection("ReverseProxy").GetChildren().Any();
        bool mayHaveMore = hasRoutes ? hasAddress : loaded.Root.GetSection("Logging").GetChildren().Any();
        if (mayHaveMore)
        {
            try
            {
                await using var app = await BuildAsync(options, loaded, time);
            }
            catch (StartupError more)
            {
                throw new StartupError(error.ExitCode, $"{error.Message}\n{more.Message}");
            }
        }

        throw error;
    }

    /// <param name="configure">Last word on the services, for tests.</param>
    public static async Task<WebApplication> BuildAsync(
        StartOptions options, LoadedConfiguration loaded, TimeProvider time, Action<IServiceCollection>? configure = null)
    {
        var (settings, configuration) = (loaded.Settings, loaded.Root);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.AddConsoleLog(configuration);
        AddTiming(builder.Services, settings, time);
        AddReload(builder.Services, options, loaded);
        var routes = await ReadRoutesAsync(loaded);
        builder.Services.AddProxy(routes);
        builder.AddProxyMetrics(settings, options.Environment, ScrapeCache);
        builder.Services.AddSingleton<RouteLabels>();
        AddInsight(builder.Services);
        AddAccessLog(builder.Services);
        AddHealth(builder.Services, settings);
        builder.AddListeners(settings, configuration);
        LimitDrain(builder.Services);
        if (options.Demo)
        {
            builder.Services.AddHostedService<DemoTraffic>();
            builder.Services.AddSingleton<Func<Uri?>>(services => () => services.GetRequiredService<BoundAddresses>().FirstTraffic);
        }

        Wire(builder.Services);
        configure?.Invoke(builder.Services);

        var app = builder.Build();
        await CheckAsync(app.Services, routes, loaded, options);
        // Authorization comes with YARP's services and would be put before everything; there is nobody to authorize here.
        ((IApplicationBuilder)app).Properties["__AuthorizationMiddlewareSet"] = true;
        var admin = BuildAdmin(app.Services);
        app.Use((context, next) => AdminConnection.Is(context) ? admin.HandleAsync(context) : next(context));
        app.UseMiddleware<TimingMiddleware>();
        app.UseProxy(app.Services.GetRequiredService<ClusterLoads>());
        CountRefused(app.Services);
        app.Lifetime.ApplicationStarted.Register(app.Services.GetRequiredService<Readiness>().MarkListening);
        return app;
    }

    /// <exception cref="StartupError">The <c>ReverseProxy</c> section cannot be read.</exception>
    private static async ValueTask<ProxyRoutes> ReadRoutesAsync(LoadedConfiguration loaded)
    {
        try
        {
            return await ProxyConfigReader.ReadAsync(loaded.Settings, loaded.Root);
        }
        catch (Exception error) when (error is FormatException or InvalidOperationException or ArgumentException)
        {
            string file = loaded.File is null ? "" : $"{loaded.File.Path}: ";
            throw new StartupError(ExitCode.Configuration, $"{file}ReverseProxy: {error.Message}");
        }
    }

    /// <summary>Finds at the start, and all at once, what would else fail later and one by one.</summary>
    /// <exception cref="StartupError">Something is wrong with levels of the log, routes, clusters, certificates or Kestrel's own end points.</exception>
    private static async ValueTask CheckAsync(IServiceProvider services, ProxyRoutes routes, LoadedConfiguration loaded, StartOptions options)
    {
        var errors = await ErrorsOfAsync(services, routes, loaded, options, CancellationToken.None);
        if (errors.Count != 0)
        {
            throw new StartupError(ExitCode.Configuration, string.Join('\n', errors));
        }

        if (Listeners.NeedCertificate(loaded.Settings))
        {
            services.GetRequiredService<ServerCertificates>().Load();
        }

        Listeners.CheckEndpoints(services.GetRequiredService<IOptions<KestrelServerOptions>>().Value);
    }

    /// <summary>What is wrong in the sections that are not ours; the same at the start and at a reload.</summary>
    private static async ValueTask<IReadOnlyList<string>> ErrorsOfAsync(
        IServiceProvider services, ProxyRoutes routes, LoadedConfiguration loaded, StartOptions options, CancellationToken cancellationToken) =>
    [
        .. LogLevels.Errors(loaded.Root)
            .Concat(routes.Errors)
            .Concat(OwnDestinations.Errors(routes, loaded.Settings, Listeners.ListensOnSettings(loaded.Settings, loaded.Root)))
            .Select(error => loaded.Describe(error, options)),
        .. await services.GetRequiredService<ProxyConfigValidation>().ErrorsOfAsync(routes, cancellationToken),
    ];

    private static void AddTiming(IServiceCollection services, ProxySettings settings, TimeProvider time)
    {
        services.AddSingleton(time);
        services.AddSingleton<RequestClock>();
        services.AddSingleton(new LiveSettings(settings));
        services.AddSingleton<InFlightLedger>();
        services.AddSingleton<ClusterLoads>();
        services.AddSingleton<TimingHeaders>();
    }

    private static void AddReload(IServiceCollection services, StartOptions options, LoadedConfiguration loaded)
    {
        services.AddSingleton(options);
        services.AddSingleton(new RunningConfiguration(loaded));
        services.AddSingleton<ReloadStatus>();
        services.AddHostedService<ConfigWatcher>();
        services.AddSingleton(provider => new ReloadTarget(
            async (next, cancellationToken) => await ErrorsOfAsync(provider, await ReadRoutesAsync(next), next, options, cancellationToken),
            async (next, _) =>
            {
                var routes = await ReadRoutesAsync(next);
                // Settings first: the clients of changed clusters are built from them.
                provider.GetRequiredService<LiveSettings>().Publish(SettingsTable.InForce(next.Settings, loaded.Settings));
                provider.GetRequiredService<LiveProxyConfig>().Publish(routes);
            }));
    }

    private static void AddInsight(IServiceCollection services)
    {
        services.AddSingleton<InsightRecorder>();
        services.AddSingleton<IRequestObserver>(provider => provider.GetRequiredService<InsightRecorder>());
        services.AddHostedService(provider => provider.GetRequiredService<InsightRecorder>());
    }

    private static void AddAccessLog(IServiceCollection services)
    {
        services.AddSingleton(provider => new AccessLogWriter(
            provider.GetRequiredService<LiveSettings>(),
            new StandardOutput(provider.GetRequiredService<TimeProvider>(), Descriptors.IsHandedOver(StandardOutput.Descriptor) ? StandardOutput.Descriptor : StandardOutput.None),
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<IRequestObserver>(provider => provider.GetRequiredService<AccessLogWriter>());
        services.AddHostedService(provider => provider.GetRequiredService<AccessLogWriter>());
    }

    private static void AddHealth(IServiceCollection services, ProxySettings settings)
    {
        services.AddSingleton<Readiness>();
        services.AddSingleton<DrainNotice>();
        services.AddSingleton<IHostLifetime, DrainLifetime>();
        services.Configure<HostOptions>(host => host.ShutdownTimeout = settings.Health.DrainTimeout);
        services.AddSingleton(provider => new UpstreamProbe(
            () => provider.GetRequiredService<LiveProxyConfig>().Current.Addresses, provider.GetRequiredService<TimeProvider>()));
    }

    private static void LimitDrain(IServiceCollection services)
    {
        var server = services.Single(service => service.ServiceType == typeof(IServer));
        services.Remove(server);
        services.Add(new ServiceDescriptor(typeof(IServer), typeof(DrainLimit), server.ImplementationType!, server.Lifetime));
        services.AddSingleton<IServer>(provider => new DrainLimit(
            provider.GetRequiredKeyedService<IServer>(typeof(DrainLimit)),
            provider.GetRequiredService<RequestsUnderWay>(),
            provider.GetRequiredService<LiveSettings>(),
            provider.GetRequiredService<ILogger<DrainLimit>>()));
    }

    private static AdminEndpoints BuildAdmin(IServiceProvider services)
    {
        var settings = services.GetRequiredService<LiveSettings>();
        // The host looks at its options when it stops.
        var host = services.GetRequiredService<IOptions<HostOptions>>().Value;
        settings.Changed += next => host.ShutdownTimeout = next.Health.DrainTimeout;
        var probe = services.GetRequiredService<UpstreamProbe>();
        var configuration = services.GetRequiredService<RunningConfiguration>();
        var insight = new InsightPages(
            services.GetRequiredService<InsightRecorder>(), services.GetRequiredService<InsightState>(), services.GetRequiredService<TimeProvider>());
        var pages = new AdminPages(
            MetricsRoom.BuildScrape(services),
            new ConfigPage(settings, () => configuration.Current.Root).HandleAsync,
            insight.PageAsync,
            insight.DataAsync);
        return new AdminEndpoints(
            pages,
            services.GetRequiredService<Readiness>(),
            async () => settings.Current.Health.CheckUpstream && !await probe.AcceptsAsync() ? "no upstream accepts connections" : null);
    }

    /// <summary>What one room shows of another.</summary>
    private static void Wire(IServiceCollection services)
    {
        services.AddSingleton<RequestWatch>(provider => provider.GetRequiredService<DrainNotice>().Watch);
        services.AddSingleton<RequestEnd>(provider => provider.GetRequiredService<FailureAnswers>().EndAsync);
        services.AddSingleton<RequestsUnderWay>(provider => () =>
            provider.GetRequiredService<ClusterLoads>().All.Sum(load => load.ActiveRequests + load.UpgradedConnections));
        services.AddSingleton<RouteLabeler>(provider => provider.GetRequiredService<RouteLabels>().Label);
        services.AddSingleton<ConnectionOpened>(provider => provider.GetRequiredService<RequestMetrics>().ConnectionOpened);
        services.AddSingleton(provider =>
        {
            var reload = provider.GetRequiredService<ReloadStatus>();
            return new ObservedState(() => reload.LastSuccessful, () => reload.LastSuccess, () => provider.GetRequiredService<AccessLogWriter>().Dropped);
        });
        services.AddSingleton<ClockDisturbances>(provider =>
        {
            var disturbance = provider.GetRequiredService<ClockDisturbance>();
            return () => disturbance.Read().Select(seconds => KeyValuePair.Create((string)seconds.Tags[0].Value!, seconds.Value));
        });
        services.AddSingleton(provider =>
        {
            var (readiness, reload) = (provider.GetRequiredService<Readiness>(), provider.GetRequiredService<ReloadStatus>());
            return new InsightState(
                StateMetrics.Version,
                () => readiness.Reason,
                () => reload.LastSuccessful,
                () => reload.LastSuccess,
                provider.GetRequiredService<ClusterLoads>());
        });
    }

    private static void CountRefused(IServiceProvider services)
    {
        var metrics = services.GetRequiredService<RequestMetrics>();
        // Ends with the process, as the server does.
        MalformedRequests.Subscribe(services.GetRequiredService<DiagnosticListener>(), refused =>
        {
            if (refused.Get<AdminConnection>() is null)
            {
                metrics.RequestRefused();
            }
        });
    }
}
