using System.Threading.Channels;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Hosting;
using TimingProxy.Settings;
using TimingProxy.Timing;

namespace TimingProxy.AccessLog;

/// <summary>
/// Notes requests for the log, if it is on, in a queue of fixed size, and writes them to the output in batches. The request's own path only
/// copies values: no allocation, no formatting, no waiting; where the queue is full the line is dropped and counted.
/// </summary>
/// <remarks>
/// A line that comes while all is quiet is written at once, more that follow within <see cref="Linger"/> together. An output that fails
/// costs the lines of that batch, which are counted, and is tried again after <see cref="Recovery"/> with what has been queued by then.
/// </remarks>
internal sealed class AccessLogWriter(LiveSettings settings, Stream output, TimeProvider time) : BackgroundService, IRequestObserver
{
    /// <summary>Lines that may wait: far more than come while one batch is being written, and about 1 MB.</summary>
    public const int Capacity = 8192;

    /// <summary>How long lines are gathered after a batch was written: bounds the write calls, and the wake-ups that requests pay for.</summary>
    public static readonly TimeSpan Linger = TimeSpan.FromMilliseconds(20);

    public static readonly TimeSpan Recovery = TimeSpan.FromSeconds(1);

    /// <summary>How long the stop of the process waits for what is queued; an output that blocks must not hold it.</summary>
    public static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(2);

    private const int BatchBytes = 64 * 1024;

    // As nginx has it, and after it whoever reads such logs.
    private const int ClientClosedRequest = 499;

    private readonly Channel<AccessLogEntry> _queue = Channel.CreateBounded<AccessLogEntry>(
        // The newest is refused: TryWrite then says so, and it is counted.
        new BoundedChannelOptions(Capacity) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });

    private long _dropped;

    /// <summary>Lines that were not written since the start: the queue was full, or the output failed.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    internal ChannelReader<AccessLogEntry> Queue => _queue.Reader;

    public void OnCompleted(RequestTiming request)
    {
        var log = settings.Current.AccessLog;
        if (!log.Enabled || (log.SlowMs > 0 && request.Clock.ToMilliseconds(request.TotalTicks) <= log.SlowMs))
        {
            return;
        }

        if (!_queue.Writer.TryWrite(EntryOf(request)))
        {
            Interlocked.Increment(ref _dropped);
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        // Not the host's token: slow requests may have used up its time, and the last lines are theirs.
        using var limit = new CancellationTokenSource(StopLimit, time);
        await base.StopAsync(limit.Token);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var lines = new AccessLogLine();
        try
        {
            while (await _queue.Reader.WaitToReadAsync(stoppingToken))
            {
                bool isWritten = await WriteQueuedAsync(lines);
                await Task.Delay(isWritten ? Linger : Recovery, time, stoppingToken);
            }
        }
        catch (OperationCanceledException)
        {
            // The server has stopped before: these are the last.
            await WriteQueuedAsync(lines);
        }
    }

    /// <summary>Empties the queue; false as soon as the output fails.</summary>
    private async Task<bool> WriteQueuedAsync(AccessLogLine lines)
    {
        int count = 0;
        while (_queue.Reader.TryRead(out var entry))
        {
            lines.Append(entry);
            count++;
            if (lines.Written.Length >= BatchBytes)
            {
                if (!await WriteAsync(lines, count))
                {
                    return false;
                }

                count = 0;
            }
        }

        return count == 0 || await WriteAsync(lines, count);
    }

    private async Task<bool> WriteAsync(AccessLogLine lines, int count)
    {
        try
        {
            await output.WriteAsync(lines.Written, CancellationToken.None);
            await output.FlushAsync(CancellationToken.None);
            return true;
        }
        catch (Exception)
        {
            // Whatever is wrong with the output, a closed pipe or a full disk, serving goes on.
            Interlocked.Add(ref _dropped, count);
            return false;
        }
        finally
        {
            lines.Clear();
        }
    }

    private static AccessLogEntry EntryOf(RequestTiming request)
    {
        var clock = request.Clock;
        var http = request.Context.Request;
        var traceParent = http.Headers.TraceParent;
        return new AccessLogEntry(
            clock.TimeProvider.GetUtcNow(),
            http.Method,
            TargetOf(request),
            request.Route,
            StatusOf(request),
            request.BytesIn,
            request.BytesOut,
            clock.ToMilliseconds(request.UpstreamTicks),
            clock.ToMilliseconds(request.UploadTicks),
            clock.ToMilliseconds(request.QueueTicks),
            clock.ToMilliseconds(request.BodyTicks),
            clock.ToMilliseconds(request.OverheadTicks),
            clock.ToMilliseconds(request.TotalTicks),
            request.InFlightOnArrival,
            request.ErrorType,
            traceParent.Count == 1 ? traceParent[0] : null);
    }

    /// <summary>That which was sent. A client that left before any answer began was sent none, whatever was meant for it.</summary>
    private static int StatusOf(RequestTiming request) =>
        request.ErrorType == ErrorType.ClientAbort && !request.Context.Response.HasStarted ? ClientClosedRequest : request.StatusCode;

    private static string TargetOf(RequestTiming request)
    {
        string? target = request.Context.Features.Get<IHttpRequestFeature>()?.RawTarget;
        // A target in absolute form (http://host/path) may hold a password before its host; the path is then the decoded one.
        return target is ['/', ..] ? target : request.Context.Request.Path.Value ?? "";
    }
}
