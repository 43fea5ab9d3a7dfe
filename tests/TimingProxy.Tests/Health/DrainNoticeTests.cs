using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using TimingProxy.Health;
using TimingProxy.Tests.Protocol;
using Xunit;

namespace TimingProxy.Tests.Health;

public sealed class DrainNoticeTests : IDisposable
{
    // What is waited for comes from a server; if it does not come, that must not hold the suite.
    private readonly CancellationTokenSource _limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);

    public DrainNoticeTests() => _limit.CancelAfter(TimeSpan.FromSeconds(30));

    private CancellationToken Cancel => _limit.Token;

    public void Dispose() => _limit.Dispose();

    [Fact]
    public async Task Http1_BeforeDraining_KeepsTheConnection()
    {
        using var readiness = new Readiness(TimeProvider.System);
        await using var app = await StartAsync(readiness, HttpProtocols.Http1, context => context.Response.WriteAsync("ok", Cancel));
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };

        using var answer = await client.GetAsync("/", Cancel);

        Assert.NotEqual(true, answer.Headers.ConnectionClose);
    }

    [Fact]
    public async Task Http1_WhileDraining_AnswersWithConnectionClose()
    {
        using var readiness = new Readiness(TimeProvider.System);
        await using var app = await StartAsync(readiness, HttpProtocols.Http1, EchoAsync);
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
        using var first = await client.GetAsync("/", Cancel);
        readiness.MarkDraining();

        // On the connection that was kept: a body that is still being read is not disturbed.
        using var second = await client.PostAsync("/", new StringContent(new string('x', 100_000)), Cancel);
        using var third = await client.GetAsync("/", Cancel);

        Assert.True(second.Headers.ConnectionClose);
        Assert.Equal(100_000, (await second.Content.ReadAsStringAsync(Cancel)).Length);
        Assert.True(third.Headers.ConnectionClose);
    }

    [Fact]
    public async Task Http1_UnderWayWhenDrainingBegins_AnswersWithConnectionClose()
    {
        using var readiness = new Readiness(TimeProvider.System);
        var arrived = new TaskCompletionSource();
        var release = new TaskCompletionSource();
        await using var app = await StartAsync(readiness, HttpProtocols.Http1, async context =>
        {
            arrived.SetResult();
            await release.Task.WaitAsync(Cancel);
            await context.Response.WriteAsync("ok", Cancel);
        });
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
        var answer = client.GetAsync("/", Cancel);
        await arrived.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancel);

        readiness.MarkDraining();
        release.SetResult();

        using var received = await answer;
        Assert.Equal(HttpStatusCode.OK, received.StatusCode);
        Assert.True(received.Headers.ConnectionClose);
    }

    [Fact]
    public async Task Http1_StreamingWhenDrainingBegins_KeepsItsConnection()
    {
        using var readiness = new Readiness(TimeProvider.System);
        var release = new TaskCompletionSource();
        await using var app = await StartStreamingAsync(readiness, HttpProtocols.Http1, release.Task);
        int connections = 0;
        using var client = new HttpClient(new SocketsHttpHandler { ConnectCallback = Connecting.Counted(() => connections++) })
        {
            BaseAddress = new Uri(app.Urls.Single()),
        };
        using var first = await client.GetAsync("/", HttpCompletionOption.ResponseHeadersRead, Cancel);

        readiness.MarkDraining();
        release.SetResult();
        Assert.Equal("end", await first.Content.ReadAsStringAsync(Cancel));
        using var second = await client.GetAsync("/", Cancel);

        Assert.Equal(1, connections);
        Assert.True(second.Headers.ConnectionClose);
    }

    [Fact]
    public async Task Http2_WhileDraining_GetsGoAwayAndItsStreamsFinish()
    {
        using var readiness = new Readiness(TimeProvider.System);
        var release = new TaskCompletionSource();
        await using var app = await StartStreamingAsync(readiness, HttpProtocols.Http2, release.Task);
        await using var client = await Http2Wire.ConnectAsync(new Uri(app.Urls.Single()));
        await client.HeadersAsync(1, Http2Wire.Request("GET"));
        await NextAsync(client, FrameType.Headers);

        readiness.MarkDraining();
        var first = await NextAsync(client, FrameType.GoAway);
        release.SetResult();
        var body = await NextAsync(client, FrameType.Data);
        var last = await NextAsync(client, FrameType.GoAway);

        // The first says only "no new ones, please"; the last names the last stream that was served.
        Assert.Equal(int.MaxValue, first.LastStream);
        Assert.Equal("end"u8, body.Payload);
        Assert.Equal(1, last.LastStream);
    }

    [Fact]
    public async Task Http2_RequestWhileDraining_IsServedAndGetsGoAway()
    {
        using var readiness = new Readiness(TimeProvider.System);
        await using var app = await StartAsync(readiness, HttpProtocols.Http2, context => context.Response.WriteAsync("end", Cancel));
        await using var client = await Http2Wire.ConnectAsync(new Uri(app.Urls.Single()));
        readiness.MarkDraining();

        await client.HeadersAsync(1, Http2Wire.Request("GET"));

        // In whichever order: an answer that is ready at once may come before.
        var frames = new List<Http2Frame>();
        while (await client.ReadAsync() is { } frame)
        {
            frames.Add(frame);
        }

        Assert.Contains(frames, frame => frame.Type == FrameType.GoAway);
        Assert.Equal("end"u8, frames.First(frame => frame.Type == FrameType.Data).Payload);
    }

    /// <summary>The next frame of a type that is not empty.</summary>
    private static async Task<Http2Frame> NextAsync(Http2Wire client, FrameType type)
    {
        while (await client.ReadAsync() is { } frame)
        {
            if (frame.Type == type && frame.Payload.Length > 0)
            {
                return frame;
            }
        }

        throw new EndOfStreamException($"No frame of type {type} came before the end.");
    }

    private async Task EchoAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body);
        await context.Response.WriteAsync(await reader.ReadToEndAsync(Cancel), Cancel);
    }

    /// <summary>An app that sends its headers at once, and its body when it is released.</summary>
    private Task<WebApplication> StartStreamingAsync(Readiness readiness, HttpProtocols protocols, Task release) =>
        StartAsync(readiness, protocols, async context =>
        {
            await context.Response.Body.FlushAsync(Cancel);
            await release.WaitAsync(Cancel);
            await context.Response.WriteAsync("end", Cancel);
        });

    private async Task<WebApplication> StartAsync(Readiness readiness, HttpProtocols protocols, RequestDelegate handle)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = protocols));
        builder.Services.AddSingleton(readiness);
        var app = builder.Build();
        var notice = new DrainNotice(readiness);
        app.Run(async context =>
        {
            using var watched = notice.Watch(context);
            await handle(context);
        });
        await app.StartAsync(Cancel);
        return app;
    }
}
