using System.Net;
using System.Net.Http.Headers;
using Grpc.Core;
using Grpc.Net.Client;

namespace TimingProxy.Tests.Protocol;

/// <summary>What is tried with each pair. A case throws where it fails.</summary>
/// <param name="Name">As the document's table has it.</param>
/// <param name="IsFor">Whether the pair's protocols have such a thing at all.</param>
internal sealed record MatrixCase(string Name, Func<Pair, bool> IsFor, Func<Pair, Task> RunAsync);

internal static class MatrixCases
{
    private const int StreamedMb = 4;

    public static IReadOnlyList<MatrixCase> All { get; } =
    [
        new("GET", Always, GetAsync),
        new("HEAD", Always, HeadAsync),
        new("POST with a length", Always, pair => PostAsync(pair, new StringContent("body"))),
        new("POST without one", NotHttp10, pair => PostAsync(pair, new Pieces(["bo"u8.ToArray(), "dy"u8.ToArray()]))),
        new("POST, `Expect: 100-continue`", NotHttp10, ExpectAsync),
        new("upload of 4 MB, streamed", NotHttp10, UploadAsync),
        new("download of 4 MB, streamed", Always, DownloadAsync),
        new("204", Always, NothingAsync),
        new("304", Always, NotModifiedAsync),
        new("206, a range", Always, RangeAsync),
        new("response trailers", IsHttp2BothSides, TrailersAsync),
        new("server-sent events, each after a silence", Always, EventsAsync),
        new("long polling", Always, PollAsync),
        new("gRPC unary", IsHttp2BothSides, GrpcUnaryAsync),
        new("gRPC server streaming", IsHttp2BothSides, GrpcServerAsync),
        new("gRPC client streaming", IsHttp2BothSides, GrpcClientAsync),
        new("gRPC bidirectional, with a silence", IsHttp2BothSides, GrpcBothAsync),
        new("gRPC error in the trailers", IsHttp2BothSides, GrpcFailAsync),
        new("WebSocket: text, fragments, 1 MB", NotHttp10, MatrixSockets.MessagesAsync),
        new("WebSocket: pings through a silence", NotHttp10, MatrixSockets.SilenceAsync),
        new("WebSocket: close code and reason", NotHttp10, MatrixSockets.CloseAsync),
    ];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private static bool Always(Pair pair) => true;

    private static bool NotHttp10(Pair pair) => pair.ClientKind != ClientKind.Http10;

    private static bool IsHttp2BothSides(Pair pair) => pair.IsHttp2 && pair.IsHttp2Upstream;

    private static async Task GetAsync(Pair pair)
    {
        using var response = await pair.Client.GetAsync("/text", Cancelled);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(MatrixApp.Text, await response.Content.ReadAsStringAsync(Cancelled));
        Assert.Equal(pair.Version.Major, response.Version.Major);
        Assert.Single(response.Headers.GetValues("X-Render-MS"));
    }

    private static async Task HeadAsync(Pair pair)
    {
        using var request = pair.Request(HttpMethod.Head, "/text");
        using var response = await pair.Client.SendAsync(request, Cancelled);
        Assert.Equal(MatrixApp.Text.Length, response.Content.Headers.ContentLength);
        Assert.Empty(await response.Content.ReadAsByteArrayAsync(Cancelled));
    }

    private static async Task PostAsync(Pair pair, HttpContent content)
    {
        using var response = await pair.Client.PostAsync("/echo", content, Cancelled);
        Assert.Equal("body", await response.Content.ReadAsStringAsync(Cancelled));
    }

    private static async Task ExpectAsync(Pair pair)
    {
        using var request = pair.Request(HttpMethod.Post, "/echo", new StringContent("body"));
        request.Headers.ExpectContinue = true;
        using var response = await pair.Client.SendAsync(request, Cancelled);
        Assert.Equal("body", await response.Content.ReadAsStringAsync(Cancelled));
    }

    private static async Task UploadAsync(Pair pair) =>
        Assert.Equal(StreamedBody.Bytes(StreamedMb), await StreamedBody.UploadAsync(pair.Client, StreamedMb, Cancelled));

    private static async Task DownloadAsync(Pair pair) =>
        Assert.Equal(StreamedBody.Bytes(StreamedMb), await StreamedBody.DownloadAsync(pair.Client, StreamedMb, Cancelled));

    private static async Task NothingAsync(Pair pair)
    {
        using var response = await pair.Client.DeleteAsync("/nothing", Cancelled);
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.Empty(await response.Content.ReadAsByteArrayAsync(Cancelled));
    }

    private static async Task NotModifiedAsync(Pair pair)
    {
        using var request = pair.Request(HttpMethod.Get, "/text");
        request.Headers.IfNoneMatch.ParseAdd(MatrixApp.Tag);
        using var response = await pair.Client.SendAsync(request, Cancelled);
        Assert.Equal(HttpStatusCode.NotModified, response.StatusCode);
        Assert.Equal(MatrixApp.Tag, response.Headers.ETag?.Tag);
    }

    private static async Task RangeAsync(Pair pair)
    {
        using var request = pair.Request(HttpMethod.Get, "/text");
        request.Headers.Range = new RangeHeaderValue(2, 5);
        using var response = await pair.Client.SendAsync(request, Cancelled);
        Assert.Equal(HttpStatusCode.PartialContent, response.StatusCode);
        Assert.Equal(MatrixApp.Text[2..6], await response.Content.ReadAsStringAsync(Cancelled));
        Assert.Equal($"bytes 2-5/{MatrixApp.Text.Length}", response.Content.Headers.ContentRange?.ToString());
    }

    private static async Task TrailersAsync(Pair pair)
    {
        using var response = await pair.Client.GetAsync("/trailers", Cancelled);
        Assert.Equal(MatrixApp.Text, await response.Content.ReadAsStringAsync(Cancelled));
        Assert.Equal("42", Assert.Single(response.TrailingHeaders.GetValues("X-Sum")));
    }

    private static async Task EventsAsync(Pair pair)
    {
        long begin = TimeProvider.System.GetTimestamp();
        using var response = await pair.Client.GetAsync("/events", HttpCompletionOption.ResponseHeadersRead, Cancelled);
        Assert.True(TimeProvider.System.GetElapsedTime(begin) < MatrixApp.Silence, "The headers waited for the first event.");
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(Cancelled));
        Assert.Equal("data: 0", await reader.ReadLineAsync(Cancelled));
        Assert.True(TimeProvider.System.GetElapsedTime(begin) < 2 * MatrixApp.Silence, "The first event waited for the second.");
        Assert.Equal("\ndata: 1\n\n", await reader.ReadToEndAsync(Cancelled));
    }

    private static async Task PollAsync(Pair pair) => Assert.Equal("news", await pair.Client.GetStringAsync("/poll", Cancelled));

    private static async Task GrpcUnaryAsync(Pair pair)
    {
        using var channel = Channel(pair);
        Assert.Equal("caf\u00e9", (await new Echo.EchoClient(channel).UnaryAsync(new Line { Text = "caf\u00e9" }, cancellationToken: Cancelled)).Text);
    }

    private static async Task GrpcServerAsync(Pair pair)
    {
        using var channel = Channel(pair);
        using var call = new Echo.EchoClient(channel).Server(new Line { Text = "n" }, cancellationToken: Cancelled);
        Assert.Equal(["n0", "n1", "n2"], await call.ResponseStream.ReadAllAsync(Cancelled).Select(line => line.Text).ToListAsync(Cancelled));
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
    }

    private static async Task GrpcClientAsync(Pair pair)
    {
        using var channel = Channel(pair);
        using var call = new Echo.EchoClient(channel).Client(cancellationToken: Cancelled);
        foreach (string text in (string[])["a", "b", "c"])
        {
            await call.RequestStream.WriteAsync(new Line { Text = text }, Cancelled);
        }

        await call.RequestStream.CompleteAsync();
        Assert.Equal("abc", (await call).Text);
    }

    private static async Task GrpcBothAsync(Pair pair)
    {
        using var channel = Channel(pair);
        using var call = new Echo.EchoClient(channel).Both(cancellationToken: Cancelled);
        for (int i = 0; i < 2; i++)
        {
            await call.RequestStream.WriteAsync(new Line { Text = $"{i}" }, Cancelled);
            Assert.True(await call.ResponseStream.MoveNext(Cancelled));
            Assert.Equal($"{i}", call.ResponseStream.Current.Text);
            await Task.Delay(MatrixApp.Silence, Cancelled);
        }

        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext(Cancelled));
    }

    private static async Task GrpcFailAsync(Pair pair)
    {
        using var channel = Channel(pair);
        var error = await Assert.ThrowsAsync<RpcException>(
            () => new Echo.EchoClient(channel).FailAsync(new Line(), cancellationToken: Cancelled).ResponseAsync);
        Assert.Equal((StatusCode.FailedPrecondition, "not today: caf\u00e9"), (error.StatusCode, error.Status.Detail));
        Assert.Equal("closed", error.Trailers.GetValue("reason"));
    }

    private static GrpcChannel Channel(Pair pair) =>
        GrpcChannel.ForAddress(pair.Address, new GrpcChannelOptions { HttpHandler = Pair.NewHandler(), DisposeHttpClient = true });

    /// <summary>A body of unknown length, sent piece by piece.</summary>
    private sealed class Pieces(byte[][] pieces) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            foreach (byte[] piece in pieces)
            {
                await stream.WriteAsync(piece, Cancelled);
                await stream.FlushAsync(Cancelled);
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
