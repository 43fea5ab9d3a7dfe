using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using TimingProxy.Admin;
using TimingProxy.Health;
using TimingProxy.Hosting;
using TimingProxy.Settings;
using Xunit;

namespace TimingProxy.Tests.Admin;

/// <summary>The admin surface on a real server, beside a traffic port that answers "traffic" to everything.</summary>
internal sealed class AdminHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private AdminHost(WebApplication app, Readiness readiness)
    {
        _app = app;
        Readiness = readiness;
        Admin = new HttpClient { BaseAddress = new Uri(app.Urls.ElementAt(0)) };
        Traffic = new HttpClient { BaseAddress = new Uri(app.Urls.ElementAt(1)) };
    }

    public Readiness Readiness { get; }

    public HttpClient Admin { get; }

    public HttpClient Traffic { get; }

    public static async Task<AdminHost> StartAsync(
        ProxySettings? settings = null,
        AdminPages? pages = null,
        string? whyNotReady = null,
        Action<KestrelServerOptions>? listen = null,
        Func<HttpContext, bool>? before = null)
    {
        var live = new LiveSettings(settings ?? new ProxySettings());
        var readiness = new Readiness(TimeProvider.System);
        readiness.MarkListening();
        var config = new ConfigPage(live, () => new ConfigurationBuilder().Build());
        var endpoints = new AdminEndpoints((pages ?? Pages()) with { Config = config.HandleAsync }, readiness, () => Task.FromResult(whyNotReady));

        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0, options => options.Use(AdminConnection.Mark));
            kestrel.Listen(IPAddress.Loopback, 0);
            listen?.Invoke(kestrel);
        });
        var app = builder.Build();
        app.Use(next => context =>
        {
            before?.Invoke(context);
            return next(context);
        });
        app.Use(next => context => AdminConnection.Is(context) ? endpoints.HandleAsync(context) : next(context));
        app.Run(context => context.Response.WriteAsync("traffic"));
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new AdminHost(app, readiness);
    }

    public static AdminPages Pages() => new(
        Metrics: context => context.Response.WriteAsync("metrics"),
        Config: _ => Task.CompletedTask,
        Insight: context => context.Response.WriteAsync("insight"),
        InsightData: context => context.Response.WriteAsync("{}"));

    public async ValueTask DisposeAsync()
    {
        Admin.Dispose();
        Traffic.Dispose();
        await _app.DisposeAsync();
        Readiness.Dispose();
    }
}
