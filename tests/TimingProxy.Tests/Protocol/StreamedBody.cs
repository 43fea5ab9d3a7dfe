using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace TimingProxy.Tests.Protocol;

/// <summary>A body of any size and unknown length that nobody holds as a whole: each piece of it is filled with its own number.</summary>
internal sealed class StreamedBody(int megabytes) : HttpContent
{
    private const int PieceBytes = 64 * 1024;
    private const int PiecesPerMegabyte = 16;

    public static long Bytes(int megabytes) => (long)megabytes * PiecesPerMegabyte * PieceBytes;

    /// <summary>Gives an app the other ends: <c>POST /upload</c>, which answers with <see cref="CountRightAsync"/>, and <c>GET /download/MB</c>.</summary>
    public static void Map(IEndpointRouteBuilder app)
    {
        app.MapPost("/upload", async context =>
        {
            long right = await CountRightAsync(context.Request.Body, context.RequestAborted);
            await context.Response.WriteAsync(right.ToString(CultureInfo.InvariantCulture));
        });
        app.MapGet("/download/{megabytes}", context => WriteAsync(
            context.Response.Body, int.Parse((string)context.GetRouteValue("megabytes")!, CultureInfo.InvariantCulture), context.RequestAborted));
    }

    /// <summary>Sends one through a client, and asks the app what has come of it.</summary>
    public static async Task<long> UploadAsync(HttpClient client, int megabytes, CancellationToken cancellationToken)
    {
        using var response = await client.PostAsync("/upload", new StreamedBody(megabytes), cancellationToken);
        response.EnsureSuccessStatusCode();
        return long.Parse(await response.Content.ReadAsStringAsync(cancellationToken), CultureInfo.InvariantCulture);
    }

    /// <inheritdoc cref="CountRightAsync"/>
    public static async Task<long> DownloadAsync(HttpClient client, int megabytes, CancellationToken cancellationToken)
    {
        using var response = await client.GetAsync($"/download/{megabytes}", HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        response.EnsureSuccessStatusCode();
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        return await CountRightAsync(stream, cancellationToken);
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken) =>
        WriteAsync(stream, megabytes, cancellationToken);

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    private static async Task WriteAsync(Stream stream, int megabytes, CancellationToken cancellationToken)
    {
        byte[] piece = new byte[PieceBytes];
        for (int number = 0; number < megabytes * PiecesPerMegabyte; number++)
        {
            piece.AsSpan().Fill((byte)number);
            await stream.WriteAsync(piece, cancellationToken);
            await stream.FlushAsync(cancellationToken);
        }
    }

    /// <summary>Reads to the end, or to the first byte that is not the one that was sent.</summary>
    /// <returns>How many bytes were right.</returns>
    private static async Task<long> CountRightAsync(Stream stream, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[PieceBytes];
        long right = 0;
        while (true)
        {
            // Never past the end of a piece, so that one number is right for all of it.
            int rest = PieceBytes - (int)(right % PieceBytes);
            int count = await stream.ReadAsync(buffer.AsMemory(0, rest), cancellationToken);
            int wrong = buffer.AsSpan(0, count).IndexOfAnyExcept((byte)(right / PieceBytes));
            right += wrong < 0 ? count : wrong;
            if (count == 0 || wrong >= 0)
            {
                return right;
            }
        }
    }
}
