using System.Globalization;

namespace TimingProxy.Tests.Functional;

/// <summary>The figures held against what the backend measured of itself, over many requests and with slow clients.</summary>
[Collection(nameof(RunsAlone))]
public sealed class AccuracyTests
{
    private const string OwnTime = "X-Own-MS";
    private const int Megabytes5 = 5 * 1024 * 1024;
    private const int Pieces = 20;

    /// <summary>Requests at full speed first: code that is compiled while it is measured is slow.</summary>
    private const int WarmUps = 40;

    /// <summary>Spread over one second, whatever the size of a piece.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1) / Pieces;

    [Theory]
    [InlineData(0, 50)]
    [InlineData(5, 50)]
    [InlineData(50, 50)]
    [InlineData(500, 5)]
    public async Task Header_OfManyRequests_IsWithin2MsOfTheBackendsOwnMeasure(int delayMs, int requests)
    {
        await using var backend = await Backend.StartAsync(context => AnswerAsync(context, delayMs));
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        await using var client = await proxy.ConnectAsync();

        var differences = new List<double>();
        for (int i = 0; i < requests; i++)
        {
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            differences.Add(await DifferenceAsync(proxy, await client.ReceiveAsync()));
        }

        // What the machine does meanwhile only adds.
        Assert.InRange(differences.Min(), -0.05, 2);
    }

    [Fact]
    public async Task Header_ClientSends5MegabytesInASecond_HasNothingOfTheWaiting()
    {
        await using var backend = await Backend.StartAsync(async context =>
        {
            // What the backend waits for here is the client.
            await context.Request.Body.CopyToAsync(Stream.Null, context.RequestAborted);
            await AnswerAsync(context, delayMs: 50);
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);
        await using var client = await proxy.ConnectAsync();
        byte[] piece = new byte[Megabytes5 / Pieces];

        var differences = new List<double>();
        for (int i = 0; i < WarmUps + 3; i++)
        {
            await client.SendAsync($"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {piece.Length * Pieces}\r\n\r\n");
            for (int sent = 0; sent < Pieces; sent++)
            {
                await Task.Delay(i < WarmUps ? TimeSpan.Zero : Pause, TestContext.Current.CancellationToken);
                await client.SendAsync(piece);
            }

            differences.Add(await DifferenceAsync(proxy, await client.ReceiveAsync()));
        }

        // Moving 5 MB with both ends in this process and without optimisation takes some ms; the native process needs less.
        Assert.InRange(differences.Skip(WarmUps).Order().First(), -0.05, 50);
    }

    [Fact]
    public async Task Header_ClientReads5MegabytesInASecond_HasNothingOfTheWaiting()
    {
        byte[] body = new byte[Megabytes5];
        await using var backend = await Backend.StartAsync(async context =>
        {
            context.Response.ContentLength = body.Length;
            await AnswerAsync(context, delayMs: 20);
            // The server copies the body before it sends the head with it.
            await context.Response.StartAsync(context.RequestAborted);
            await context.Response.Body.WriteAsync(body, context.RequestAborted);
        });
        await using var proxy = await ProxyHarness.StartAsync(backend.Address);

        var differences = new List<double>();
        for (int i = 0; i < WarmUps + 3; i++)
        {
            await using var client = await proxy.ConnectAsync(receiveBuffer: 16 * 1024);
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            var head = await client.ReadHeadAsync();
            await Task.Delay(i < WarmUps ? TimeSpan.Zero : Pause * Pieces, TestContext.Current.CancellationToken);
            string received = await client.ReadBodyAsync(head);
            Assert.Equal(body.Length, received.Length);
            differences.Add(await DifferenceAsync(proxy, new Answer(head, received)));
        }

        Assert.InRange(differences.Skip(WarmUps).Order().First(), -0.05, 50);
    }

    /// <summary>Waits, and says in a header for how long really.</summary>
    private static async Task AnswerAsync(HttpContext context, int delayMs)
    {
        long begin = TimeProvider.System.GetTimestamp();
        if (delayMs != 0)
        {
            await Task.Delay(delayMs, TestContext.Current.CancellationToken);
        }

        double own = TimeProvider.System.GetElapsedTime(begin).TotalMilliseconds;
        context.Response.Headers[OwnTime] = own.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>Milliseconds by which the header exceeds what the backend said; header and observer agree in each request.</summary>
    private static async Task<double> DifferenceAsync(ProxyHarness proxy, Answer answer)
    {
        Assert.Equal((await proxy.NextAsync()).UpstreamText, answer.Value("X-Render-MS"));
        return answer.RenderMs - double.Parse(answer.Value(OwnTime)!, CultureInfo.InvariantCulture);
    }
}
