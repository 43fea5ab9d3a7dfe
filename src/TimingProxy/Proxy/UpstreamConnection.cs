using System.Net.Sockets;
using System.Runtime.CompilerServices;
using TimingProxy.Timing;

namespace TimingProxy.Proxy;

/// <summary>
/// A connection to an upstream that is not used again once it was idle for <c>Upstream:KeepAlive</c>. The handler's own idle timeout does
/// not promise that: it is looked at once a second, and not when a connection is taken.
/// </summary>
/// <remarks>
/// When the handler takes a pooled connection it first reads ahead, and drops a connection on which that read is already over. So a read
/// that comes while a connection is being taken, and after too long an idleness, ends at once as if the upstream had closed: not a byte was
/// sent, and the request goes on another connection, body or not. The handler also reads ahead when it looks through its pool, and does not
/// ask again when it takes a connection whose read is pending from then. Such a read is ended by a timer, if no request of the client's is
/// under way that could be waiting on it, and before any request can begin: closing the connection would end it too, but a moment later,
/// in which the handler could take what is closed already.
/// A fresh connection that ends before a single byte came is no stale one, and is not told to the handler as such: it would send the
/// request three times more, to an app that perhaps dies of it. <see cref="SentRequest"/> has the rule for connections used before.
/// </remarks>
/// <param name="inner">What is read and written.</param>
/// <param name="client">Whose connection it is.</param>
/// <param name="clock">The proxy's.</param>
/// <param name="socket">What the stream reads from and writes to as it is; null where it is secured.</param>
internal sealed class UpstreamConnection(Stream inner, UpstreamClient client, RequestClock clock, Socket? socket) : Stream
{
    // The request that this thread takes a connection for, until it is written there; null where there is none.
    [ThreadStatic]
    private static RequestTiming? _taking;

    // The request that is written later, perhaps by another thread: once a connection is open, or once its body comes.
    private static readonly AsyncLocal<RequestTiming?> Waiting = new();

    // Where the timer was a moment too early, or a request was under way.
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(20);

    private readonly long _keepAlive = clock.FromTimeSpan(client.Settings.KeepAlive);
    private readonly Socket? _timestamped = socket is not null && TimestampedReceive.TryEnable(socket) ? socket : null;
    private long _lastUsed = clock.Now;
    private SentRequest _sent;
    private RequestTiming? _request;
    private bool _wasAnswered;
    private bool _isRetired;
    private TaskCompletionSource<int>? _idleRead;
    private ITimer? _idleTimer;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Whether this is called from within <see cref="Taking"/>.</summary>
    public static bool IsTaking => _taking is not null;

    /// <summary>Sends, knowing that pooled connections are taken in the part of it that runs at once.</summary>
    /// <param name="timing">Of the request, which is sent at this moment.</param>
    public static Task<HttpResponseMessage> Taking(
        UpstreamClient client, HttpRequestMessage request, RequestTiming timing, CancellationToken cancellationToken)
    {
        if (client.OpensConnections || request.Content is not null)
        {
            Waiting.Value = timing;
        }

        _taking = timing;
        try
        {
            return client.SendAsync(request, cancellationToken);
        }
        finally
        {
            // Over HTTP/2 no request is ever written as one, and none need be known to wait.
            client.OpensConnections = IsTaking && request.Version.Major == 1;
            _taking = null;
        }
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_isRetired)
        {
            return ValueTask.FromResult(0);
        }

        if (_taking is not { } taking)
        {
            var read = ReadAndNoteAsync(buffer, isOfAnswer: _sent.IsUnanswered, cancellationToken);
            return !read.IsCompleted && client.IsIdle ? UntilRetired(read) : read;
        }

        return taking.SentAt - _lastUsed > _keepAlive
            ? ValueTask.FromResult(0)
            : ReadAndNoteAsync(buffer, isOfAnswer: true, cancellationToken);
    }

    /// <remarks>
    /// An app may begin to answer (401, 413, 100) before it has read the whole of a body. What is written of it after that is the rest of the request
    /// that is answered, and begins none.
    /// </remarks>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        _idleTimer?.Dispose();
        _idleTimer = null;
        _lastUsed = _taking?.SentAt ?? clock.Now;
        var sender = _taking ?? Waiting.Value;
        bool isRest = !_sent.IsUnanswered && sender is not null && ReferenceEquals(sender, _request);
        bool isBegin = !isRest && _sent.Begins(buffer.Span, _wasAnswered);
        if (isBegin)
        {
            _request = sender;
            _taking = null;
        }

        var write = inner.WriteAsync(buffer, cancellationToken);
        bool mayFail = isRest || (isBegin ? _sent.MayBeSentAgain : _sent.IsRequest && socket is not null);
        return write.IsCompletedSuccessfully || !mayFail ? write : LeaveToReadAsync(write, isBegin);
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _idleTimer?.Dispose();
            inner.Dispose();
        }

        base.Dispose(disposing);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> ReadAndNoteAsync(Memory<byte> buffer, bool isOfAnswer, CancellationToken cancellationToken)
    {
        int count;
        DateTimeOffset? receivedAt = null;
        try
        {
            if (isOfAnswer && _timestamped is not null && !buffer.IsEmpty)
            {
                do
                {
                    // Until something is there.
                    _ = await inner.ReadAsync(Memory<byte>.Empty, cancellationToken);
                }
                while (!TimestampedReceive.TryReceive(_timestamped, buffer.Span, out count, out receivedAt));
            }
            else
            {
                count = await inner.ReadAsync(buffer, cancellationToken);
            }
        }
        catch (IOException) when (_sent.MayBeSentAgain)
        {
            return 0;
        }

        _lastUsed = clock.Now;
        _request?.MarkReceived(receivedAt is { } at ? _lastUsed - clock.FromTimeSpan(clock.TimeProvider.GetUtcNow() - at) : 0);
        if (count != 0)
        {
            _wasAnswered = true;
            _sent.Answered();
        }
        else if (buffer.Length != 0 && _sent.MustNotBeSentAgain)
        {
            throw new IOException("The upstream closed the connection before it answered.");
        }

        return count;
    }

    /// <summary>
    /// Where a request cannot even be begun, the read that follows finds the connection's end, and that is told. Where its body cannot be sent
    /// on because the upstream has answered (413, say) and closed, the read finds the answer, unless it was read already.
    /// </summary>
    private async ValueTask LeaveToReadAsync(ValueTask write, bool isBegin)
    {
        try
        {
            await write;
        }
        catch (IOException) when (isBegin || !_sent.IsUnanswered || socket?.Available > 0)
        {
            // As said above.
        }
    }

    /// <summary>
    /// Ends the read of an idle connection as if the upstream had closed it; from then on the handler does not take it. Only for
    /// <see cref="UpstreamClient.TryRetire"/>.
    /// </summary>
    /// <returns>False where the connection has not been idle for long enough.</returns>
    public bool RetireIfIdle()
    {
        // A read that is over has told the handler what it has to know.
        if (clock.Now - _lastUsed < _keepAlive || _idleRead is not { Task.IsCompleted: false } idleRead)
        {
            return false;
        }

        // What the handler does after its read runs in here, until it has read the end and noted it.
        _isRetired = true;
        _isRetired = idleRead.TrySetResult(0);
        return _isRetired;
    }

    private ValueTask<int> UntilRetired(ValueTask<int> read)
    {
        var idleRead = new TaskCompletionSource<int>();
        _idleRead = idleRead;
        _ = PassOnAsync(read.AsTask(), idleRead);
        var rest = client.Settings.KeepAlive - clock.TimeProvider.GetElapsedTime(_lastUsed);
        _idleTimer ??= clock.TimeProvider.CreateTimer(
            static state => ((UpstreamConnection)state!).CloseIfIdle(),
            this,
            rest > TimeSpan.Zero ? rest : TimeSpan.Zero,
            LookAgain);
        return new ValueTask<int>(idleRead.Task);
    }

    private static async Task PassOnAsync(Task<int> read, TaskCompletionSource<int> idleRead)
    {
        await ((Task)read).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        idleRead.TrySetFromTask(read);
    }

    private void CloseIfIdle()
    {
        if (client.TryRetire(this))
        {
            Dispose();
        }
    }
}
