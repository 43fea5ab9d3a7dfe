using System.Net;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http;

namespace TimingProxy.Timing;

/// <summary>The upstream's response body under the clock. Has no headers of its own: it replaces the content after they were copied.</summary>
internal sealed class TimedResponseContent(HttpContent inner, RequestTiming timing) : HttpContent
{
    // The handler's content gives its stream at once.
    protected override Task<Stream> CreateContentReadStreamAsync() =>
        Task.FromResult<Stream>(new TimedResponseBody(inner.ReadAsStream(), timing));

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        inner.CopyToAsync(stream, context);

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }
}

/// <summary>
/// Counts what is read from the upstream and how long the reads take. Where the first byte is not there yet, the client gets the
/// response headers meanwhile: a stream of events must not look like a server that does not answer.
/// </summary>
internal sealed class TimedResponseBody(Stream inner, RequestTiming timing) : ReadOnlyBody(inner)
{
    private bool _sawFirstRead;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = Inner.ReadAsync(buffer, cancellationToken);
        bool isFirst = !_sawFirstRead;
        _sawFirstRead = true;
        if (read.IsCompleted)
        {
            // It was here already: nobody has waited.
            int ready = await read;
            timing.AddBodyRead(ready, ticks: 0);
            return NoteEnd(buffer, ready);
        }

        long begin = timing.Clock.Now;
        int count = 0;
        try
        {
            if (isFirst)
            {
                await SendHeadersAsync(cancellationToken);
            }
        }
        finally
        {
            try
            {
                // Whatever became of the headers: a read that is under way must not be left behind.
                count = await read;
            }
            finally
            {
                // The upstream was waited for also where nothing came of it: it broke off, or the client has had enough of waiting.
                timing.AddBodyRead(count, timing.Clock.Now - begin);
            }
        }

        return NoteEnd(buffer, count);
    }

    private int NoteEnd(Memory<byte> buffer, int count)
    {
        // A read into nothing only asks whether there is something.
        if (count == 0 && buffer.Length != 0)
        {
            timing.MarkBodyRead();
        }

        return count;
    }

    private async Task SendHeadersAsync(CancellationToken cancellationToken)
    {
        try
        {
            // To start the response would only write them into the server's buffer.
            await timing.Context.Response.Body.FlushAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // The read that is under way carries the same token and tells the forwarder.
        }
    }
}
