using System.Net.WebSockets;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Net.Http.Headers;

namespace TimingProxy.Tests.Protocol;

/// <summary>The app of the matrix: one path a case, the same whatever it is spoken to in.</summary>
internal static class MatrixApp
{
    public const string Text = "hello, world";
    public const string Tag = "\"v1\"";

    /// <summary>Longer than every timeout the proxies of the matrix have.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromSeconds(3);

    public static async Task<WebApplication> StartAsync(Action<KestrelServerOptions> listen)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            listen(kestrel);
        });
        builder.Services.AddRouting();
        builder.Services.AddGrpc();
        var app = builder.Build();
        app.UseRouting();
        app.UseWebSockets();
        app.MapGrpcService<EchoService>();
        app.MapMethods("/text", ["GET", "HEAD"], TextAsync);
        app.MapPost("/echo", context => context.Request.Body.CopyToAsync(context.Response.Body, context.RequestAborted));
        StreamedBody.Map(app);
        app.MapDelete("/nothing", NothingAsync);
        app.MapGet("/trailers", TrailersAsync);
        app.MapGet("/events", EventsAsync);
        app.MapGet("/poll", PollAsync);
        app.Map("/socket", SocketAsync);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return app;
    }

    /// <summary>As <c>ETag</c>, <c>Last-Modified</c> and ranges work in a file server.</summary>
    private static async Task TextAsync(HttpContext context)
    {
        var (request, response) = (context.Request, context.Response);
        response.Headers.ETag = Tag;
        if (request.Headers.IfNoneMatch == Tag)
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }

        string text = Text;
        if (request.GetTypedHeaders().Range is { } range)
        {
            var (from, to) = ((int)range.Ranges.First().From!.Value, (int)range.Ranges.First().To!.Value);
            response.StatusCode = StatusCodes.Status206PartialContent;
            response.GetTypedHeaders().ContentRange = new ContentRangeHeaderValue(from, to, Text.Length);
            text = Text[from..(to + 1)];
        }

        response.ContentLength = text.Length;
        if (HttpMethods.IsGet(request.Method))
        {
            await response.WriteAsync(text);
        }
    }

    private static Task NothingAsync(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    private static async Task TrailersAsync(HttpContext context)
    {
        context.Response.DeclareTrailer("X-Sum");
        await context.Response.WriteAsync(Text);
        context.Response.AppendTrailer("X-Sum", "42");
    }

    /// <summary>Headers at once, and after each silence an event.</summary>
    private static async Task EventsAsync(HttpContext context)
    {
        context.Response.ContentType = "text/event-stream";
        await context.Response.Body.FlushAsync();
        for (int i = 0; i < 2; i++)
        {
            await Task.Delay(Silence, context.RequestAborted);
            await context.Response.WriteAsync($"data: {i}\n\n");
            await context.Response.Body.FlushAsync();
        }
    }

    private static async Task PollAsync(HttpContext context)
    {
        await Task.Delay(TimeSpan.FromSeconds(1), context.RequestAborted);
        await context.Response.WriteAsync("news");
    }

    /// <summary>Echoes frame by frame, fragments as fragments, and the close with its code and words.</summary>
    private static async Task SocketAsync(HttpContext context)
    {
        using var socket = await context.WebSockets.AcceptWebSocketAsync();
        byte[] buffer = new byte[16 * 1024];
        while (true)
        {
            var frame = await socket.ReceiveAsync(buffer.AsMemory(), context.RequestAborted);
            if (frame.MessageType == WebSocketMessageType.Close)
            {
                await socket.CloseAsync(socket.CloseStatus!.Value, socket.CloseStatusDescription, context.RequestAborted);
                return;
            }

            await socket.SendAsync(buffer.AsMemory(0, frame.Count), frame.MessageType, frame.EndOfMessage, context.RequestAborted);
        }
    }
}
