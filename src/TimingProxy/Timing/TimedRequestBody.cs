using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http;

namespace TimingProxy.Timing;

/// <summary>
/// The client's request body, with the time that is spent waiting for the client. What the upstream is to get of it is sent on before the
/// wait for more. Where the client sends nothing for a minute the request is over, unless it is answered already: by then a worker of the app has
/// waited in vain for as long, and no limit of upstream time counts that.
/// </summary>
/// <param name="reader">What <paramref name="inner"/> reads from.</param>
internal sealed class TimedRequestBody(Stream inner, PipeReader reader, RequestTiming timing) : ReadOnlyBody(inner)
{
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
        var read = Inner.ReadAsync(buffer, cancellationToken);
        if (!read.IsCompleted && Upstream is { } upstream)
        {
            await FlushAsync(upstream, cancellationToken);
        }

        if (read.IsCompleted)
        {
            int ready = await read;
            Took(ready, buffer);
            return ready;
        }

        // After the flush: an upstream that takes nothing is no slow client.
        _wait.Begin(_taken == 0 ? timing.Clock.Now : _taken);
        _silence ??= timing.Clock.TimeProvider.CreateTimer(
            static state => ((TimedRequestBody)state!).GiveUpWhereSilent(), this, LongestSilence, Timeout.InfiniteTimeSpan);
        int count = 0;
        try
        {
            count = await read;
            return count;
        }
        catch (OperationCanceledException) when (_isGivenUp)
        {
            throw new BadHttpRequestException(
                $"The client sent nothing more of its body for {LongestSilence.TotalSeconds:0} s.", StatusCodes.Status408RequestTimeout);
        }
        finally
        {
            Took(count, buffer);
            _wait.End(_taken);
        }
    }

    /// <param name="count">0 where the body is over, well or not.</param>
    private void Took(int count, Memory<byte> buffer)
    {
        timing.BytesIn += count;
        _taken = timing.Clock.Now;
        // A read into nothing only asks whether there is something.
        if (count == 0 && buffer.Length != 0)
        {
            _silence?.Dispose();
        }
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
