using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace TimingProxy.Demo;

/// <summary>
/// A small app to look at through the proxy: routes that are fast, slow, limited to two workers, failing now and then, and streaming.
/// Listens on a free loopback port.
/// </summary>
internal sealed class DemoBackend : IAsyncDisposable
{
    /// <summary>Templates of its routes, for the labels of the metrics.</summary>
    public static readonly string[] Routes = ["/", "/articles/{slug}", "/search", "/reports/{id}", "/checkout", "/flaky", "/events"];

    private const int CheckoutWorkers = 2;

    private readonly WebApplication _app;
    private readonly TimeProvider _time;
    private readonly SemaphoreSlim _checkout = new(CheckoutWorkers);
    private readonly Random _random = new(1);
    private readonly Lock _drawing = new();

    private DemoBackend(TimeProvider time)
    {
        _time = time;
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(IPAddress.Loopback, 0);
        });
        _app = builder.Build();
        _app.Run(HandleAsync);
    }

    public string Address => _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();

    public static async Task<DemoBackend> StartAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        var backend = new DemoBackend(time);
        await backend._app.StartAsync(cancellationToken);
        return backend;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _checkout.Dispose();
    }

    private Task HandleAsync(HttpContext context)
    {
        string path = context.Request.Path.Value ?? "/";
        return path switch
        {
            "/" => TextAsync(context, TimeSpan.Zero, "The demo app: /articles/hello, /search?q=x, /reports/7, /checkout, /flaky, /events\n"),
            "/search" => TextAsync(context, Work(15, spread: 0.8), "Found something.\n"),
            "/checkout" => CheckoutAsync(context),
            "/flaky" => FlakyAsync(context),
            "/events" => EventsAsync(context),
            _ when path.StartsWith("/articles/", StringComparison.Ordinal) => TextAsync(context, Work(3, spread: 0.4), "An article.\n"),
            _ when path.StartsWith("/reports/", StringComparison.Ordinal) => TextAsync(context, Work(120, spread: 0.3), "A report.\n"),
            _ => NotFoundAsync(context),
        };
    }

    /// <summary>Two at a time; the rest wait in line, as they do for the workers of a sync app. The app reports its own time, without the line.</summary>
    private async Task CheckoutAsync(HttpContext context)
    {
        await _checkout.WaitAsync(context.RequestAborted);
        try
        {
            var work = Work(40, spread: 0.2);
            context.Response.Headers["X-Runtime"] = work.TotalSeconds.ToString("0.000000", CultureInfo.InvariantCulture);
            await TextAsync(context, work, "Thank you.\n");
        }
        finally
        {
            _checkout.Release();
        }
    }

    private Task FlakyAsync(HttpContext context)
    {
        bool fails = Draw() < 1.0 / 12;
        context.Response.StatusCode = fails ? StatusCodes.Status500InternalServerError : StatusCodes.Status200OK;
        return TextAsync(context, Work(8, spread: 0.5), fails ? "This went wrong.\n" : "This went well.\n");
    }

    private async Task EventsAsync(HttpContext context)
    {
        context.Response.ContentType = "text/event-stream";
        for (int i = 1; i <= 5; i++)
        {
            await context.Response.WriteAsync(string.Create(CultureInfo.InvariantCulture, $"data: event {i}\n\n"), context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
            await Task.Delay(TimeSpan.FromMilliseconds(100), _time, context.RequestAborted);
        }
    }

    private static Task NotFoundAsync(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return context.Response.WriteAsync("Not found.\n", context.RequestAborted);
    }

    private async Task TextAsync(HttpContext context, TimeSpan work, string text)
    {
        if (work > TimeSpan.Zero)
        {
            await Task.Delay(work, _time, context.RequestAborted);
        }

        context.Response.ContentType ??= "text/plain; charset=utf-8";
        context.Response.ContentLength = text.Length;
        await context.Response.WriteAsync(text, context.RequestAborted);
    }

    /// <summary>A log-normal time around <paramref name="medianMs"/>, as services have them.</summary>
    private TimeSpan Work(double medianMs, double spread)
    {
        double normal = Math.Sqrt(-2 * Math.Log(1 - Draw())) * Math.Cos(2 * Math.PI * Draw());
        return TimeSpan.FromMilliseconds(medianMs * Math.Exp(spread * normal));
    }

    private double Draw()
    {
        lock (_drawing)
        {
            return _random.NextDouble();
        }
    }
}
