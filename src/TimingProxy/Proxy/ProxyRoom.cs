using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection.Extensions;
using TimingProxy.Timing;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Model;
using Yarp.ReverseProxy.Transforms.Builder;

namespace TimingProxy.Proxy;

/// <summary>Adds the proxy's services, and maps the way of a request through it.</summary>
internal static class ProxyRoom
{
    public static IServiceCollection AddProxy(this IServiceCollection services, ProxyRoutes routes)
    {
        services.AddSingleton(new LiveProxyConfig(routes));
        services.AddSingleton<IProxyConfigProvider>(provider => provider.GetRequiredService<LiveProxyConfig>());
        services.AddSingleton<IForwarderHttpClientFactory, UpstreamClientFactory>();
        services.AddSingleton<ProxyConfigValidation>();
        services.AddSingleton<FailureAnswers>();
        services.AddRequestTimeouts();
        services.AddReverseProxy()
            .AddConfigFilter<UpstreamAddressFilter>()
            .AddTransforms<TransparencyTransforms>()
            // Last: the stamp must see what all others did.
            .AddTransforms<TimingTransforms>();
        Decorate<IHttpForwarder, TimedForwarder>(services);
        Decorate<ITransformBuilder, TransparentTransformer.Builder>(services);
        RemoveKeyRing(services);
        return services;
    }

    /// <summary>What a request passes between the clock and the upstream; order matters and is explained line by line.</summary>
    public static void UseProxy(this IApplicationBuilder app, ClusterLoads loads)
    {
        // Before any work is done for a request.
        app.UseMiddleware<Overload>();
        app.UseMiddleware<StrictRequests>();
        OnlyRoute? onlyRoute = null;
        app.Use((context, next) => onlyRoute!.InvokeAsync(context, next));
        app.UseRouting();
        // Routes of the ReverseProxy section may set a Timeout.
        app.UseRequestTimeouts();
        app.UseEndpoints(endpoints =>
        {
            endpoints.MapReverseProxy(proxy =>
            {
                proxy.Use((context, next) =>
                {
                    var timing = RequestTiming.Of(context);
                    var route = context.GetRouteModel();
                    timing.MatchedRoute = route.Config.RouteId;
                    timing.MarkForwarded(loads.Of(route.Cluster!.ClusterId));
                    return next(context);
                });
                proxy.UseSessionAffinity();
                proxy.UseLoadBalancing();
                UsePassiveHealthChecksWhereEnabled(proxy);
            });
            onlyRoute = new OnlyRoute(endpoints.DataSources.Single());
        });
    }

    /// <summary>The check looks at each request after it is over: a step of its own that the clusters without it need not take.</summary>
    private static void UsePassiveHealthChecksWhereEnabled(IReverseProxyApplicationBuilder proxy) => proxy.Use(next =>
    {
        var branch = new Branch(proxy.New());
        branch.UsePassiveHealthChecks();
        branch.Run(next);
        var check = branch.Build();
        return context => context.GetReverseProxyFeature().Cluster.Config.HealthCheck?.Passive?.Enabled == true ? check(context) : next(context);
    });

    /// <summary>Puts a type of ours around the service that YARP has registered.</summary>
    private static void Decorate<TService, [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TDecorator>(IServiceCollection services)
        where TService : class
        where TDecorator : class, TService
    {
        var original = services.Single(service => service.ServiceType == typeof(TService));
        services.Remove(original);
        services.Add(new ServiceDescriptor(typeof(TService), typeof(TDecorator), original.ImplementationType!, original.Lifetime));
        services.AddSingleton<TService>(provider => ActivatorUtilities.CreateInstance<TDecorator>(
            provider, provider.GetRequiredKeyedService<TService>(typeof(TDecorator))));
    }

    /// <summary>
    /// YARP brings data protection for the cookies of session affinity, which at start-up makes keys and writes them to disk. Without the
    /// start-up service that happens on first use, so a proxy without affinity needs no writable path.
    /// </summary>
    private static void RemoveKeyRing(IServiceCollection services)
    {
        var keyRing = services.Single(service =>
            service.ServiceType == typeof(IHostedService)
            && service.ImplementationType?.FullName == "Microsoft.AspNetCore.DataProtection.Internal.DataProtectionHostedService");
        services.Remove(keyRing);
    }

    /// <summary>A pipeline beside the proxy's, as YARP's own steps want it to be.</summary>
    private sealed class Branch(IApplicationBuilder inner) : IReverseProxyApplicationBuilder
    {
        public IServiceProvider ApplicationServices
        {
            get => inner.ApplicationServices;
            set => inner.ApplicationServices = value;
        }

        public IFeatureCollection ServerFeatures => inner.ServerFeatures;

        public IDictionary<string, object?> Properties => inner.Properties;

        public IApplicationBuilder Use(Func<RequestDelegate, RequestDelegate> middleware)
        {
            inner.Use(middleware);
            return this;
        }

        public IApplicationBuilder New() => inner.New();

        public RequestDelegate Build() => inner.Build();
    }
}
