using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http;

namespace TimingProxy.Timing;

/// <summary>
/// The client's request body, with the time that is spent waiting for the client. What the upstream is to get of it is sent on before the
/// wait for more. Where the client sends nothing for a minute the request is over, unless it is answered already: by then a worker of the app has
/// waited in vain for as long, and no limit of upstream time counts that.
/// </summary>
/// <param name="reader">
/// Where the bytes come from. Its reads are given no token: the server's do not recover from one that is cancelled by it, and cannot read the rest of
/// the request away.
/// </param>
internal sealed class TimedRequestBody(Stream inner, PipeReader reader, RequestTiming timing) : ReadOnlyBody(inner)
{
    private const int Again = -1;

    private static readonly TimeSpan LongestSilence = TimeSpan.FromMinutes(1);

    private readonly UploadWait _wait = timing.ExpectUpload();

    // When the client's last bytes were taken: where the next are not there yet, it is the client who has been waited for ever since, and
    // what was done with the last meanwhile has held nobody up.
    private long _taken;

    // From the first wait on until the body is over.
    private ITimer? _silence;
    private volatile bool _isGivenUp;

    /// <summary>Where the bytes go, once the request is being sent.</summary>
    public Stream? Upstream { get; set; }

    /// <exception cref="BadHttpRequestException">The client has sent nothing for a minute (408), or sends what is no body.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int count;
        do
        {
            cancellationToken.ThrowIfCancellationRequested();
            var read = reader.ReadAsync(CancellationToken.None);
            if (!read.IsCompleted && Upstream is { } upstream)
            {
                await FlushAsync(upstream, cancellationToken);
            }

            if (read.IsCompleted)
            {
                count = Take(await read, buffer, cancellationToken);
                _taken = timing.Clock.Now;
            }
            else
            {
                // After the flush: an upstream that takes nothing is no slow client.
                _wait.Begin(_taken == 0 ? timing.Clock.Now : _taken);
                _silence ??= timing.Clock.TimeProvider.CreateTimer(
                    static state => ((TimedRequestBody)state!).GiveUpWhereSilent(), this, LongestSilence, Timeout.InfiniteTimeSpan);
                using var cancelled = cancellationToken.UnsafeRegister(static reader => ((PipeReader)reader!).CancelPendingRead(), reader);
                try
                {
                    count = Take(await read, buffer, cancellationToken);
                }
                finally
                {
                    _taken = timing.Clock.Now;
                    _wait.End(_taken);
                }
            }
        }
        while (count == Again);

        // A read into nothing only asks whether there is something.
        if (count == 0 && !buffer.IsEmpty)
        {
            _silence?.Dispose();
        }

        return count;
    }

    /// <returns>How many bytes were taken; 0 at the end; <see cref="Again"/> where nothing came.</returns>
    private int Take(ReadResult result, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        int count = (int)Math.Min(result.Buffer.Length, buffer.Length);
        var taken = result.Buffer.Slice(0, count);
        taken.CopyTo(buffer.Span);
        // From here on the memory is the reader's again, and with it what tells the length.
        reader.AdvanceTo(taken.End);
        if (result.IsCanceled && count == 0)
        {
            if (_isGivenUp)
            {
                throw new BadHttpRequestException(
                    $"The client sent nothing more of its body for {LongestSilence.TotalSeconds:0} s.", StatusCodes.Status408RequestTimeout);
            }

            cancellationToken.ThrowIfCancellationRequested();
        }

        timing.BytesIn += count;
        return count == 0 && !result.IsCompleted && !buffer.IsEmpty ? Again : count;
    }

    private void GiveUpWhereSilent()
    {
        // A body of which the upstream does not want to see the rest is not read to its end.
        if (timing.Responded != 0 || timing.Completed != 0)
        {
            return;
        }

        var rest = LongestSilence - TimeSpan.FromSeconds(timing.Clock.ToSeconds(_wait.TicksOfThis(timing.Clock.Now)));
        if (rest > TimeSpan.Zero)
        {
            _silence!.Change(rest, Timeout.InfiniteTimeSpan);
            return;
        }

        _isGivenUp = true;
        reader.CancelPendingRead();
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
