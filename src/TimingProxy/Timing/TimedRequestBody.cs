using System.Runtime.CompilerServices;

namespace TimingProxy.Timing;

/// <summary>
/// The client's request body, with the time that is spent waiting for the client. What the upstream is to get of it is sent on before the
/// wait for more.
/// </summary>
internal sealed class TimedRequestBody(Stream inner, RequestTiming timing) : ReadOnlyBody(inner)
{
    private readonly UploadWait _wait = timing.ExpectUpload();

    // When the client's last bytes were taken: where the next are not there yet, it is the client who has been waited for ever since, and
    // what was done with the last meanwhile has held nobody up.
    private long _taken;

    /// <summary>Where the bytes go, once the request is being sent.</summary>
    public Stream? Upstream { get; set; }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = Inner.ReadAsync(buffer, cancellationToken);
        if (!read.IsCompleted && Upstream is { } upstream)
        {
            await FlushAsync(upstream, cancellationToken);
        }

        if (read.IsCompleted)
        {
            int ready = await read;
            timing.BytesIn += ready;
            _taken = timing.Clock.Now;
            return ready;
        }

        // After the flush: an upstream that takes nothing is no slow client.
        _wait.Begin(_taken == 0 ? timing.Clock.Now : _taken);
        try
        {
            int count = await read;
            timing.BytesIn += count;
            return count;
        }
        finally
        {
            _taken = timing.Clock.Now;
            _wait.End(_taken);
        }
    }

    private static async ValueTask FlushAsync(Stream upstream, CancellationToken cancellationToken)
    {
        try
        {
            await upstream.FlushAsync(cancellationToken);
        }
        catch (Exception error) when (error is IOException or HttpRequestException or ObjectDisposedException or OperationCanceledException)
        {
            // The read that is under way must be awaited, not left behind; the next write fails likewise and is known for the upstream's.
        }
    }
}
