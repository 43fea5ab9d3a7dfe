using Microsoft.Extensions.Time.Testing;
using TimingProxy.Proxy;
using TimingProxy.Settings;
using TimingProxy.Timing;

namespace TimingProxy.Tests.Proxy;

/// <summary>
/// A connection as the handler uses it: what has a pending read when the handler looks through its pool, and is taken without being asked
/// again.
/// </summary>
public sealed class UpstreamConnectionTests : IDisposable
{
    private static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(1);

    private readonly FakeTimeProvider _time = new();
    private readonly SilentStream _inner = new();
    private readonly UpstreamClient _client;
    private readonly UpstreamConnection _connection;

    public UpstreamConnectionTests()
    {
        _client = new UpstreamClient(new SocketsHttpHandler(), new UpstreamSettings { KeepAlive = KeepAlive }, unixSocket: null, _ => { });
        _connection = new UpstreamConnection(_inner, _client, new RequestClock(_time), socket: null);
    }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _connection.Dispose();
        _client.Dispose();
        _inner.Dispose();
    }

    [Fact]
    public async Task Read_IdleForKeepAlive_EndsBeforeTheConnectionIsClosed()
    {
        bool wasClosed = true;
        var read = ReadAndThenAsync(() => wasClosed = _inner.IsClosed);

        _time.Advance(KeepAlive - TimeSpan.FromMilliseconds(1));
        Assert.False(read.IsCompleted);
        _time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.True(read.IsCompleted, "The handler must know before anybody takes the connection.");
        Assert.Equal(0, await read);
        Assert.False(wasClosed);
        Assert.True(_inner.IsClosed);
    }

    [Fact]
    public async Task Read_WhileARequestIsUnderWay_DoesNotEnd()
    {
        var read = ReadAndThenAsync(() => { });
        _client.CallStarted();
        _time.Advance(KeepAlive * 3);
        Assert.False(read.IsCompleted);
        Assert.False(_inner.IsClosed);

        _client.CallEnded();
        _time.Advance(KeepAlive);

        Assert.Equal(0, await read.WaitAsync(TimeSpan.FromSeconds(20), Cancelled));
        Assert.True(_inner.IsClosed);
    }

    [Fact]
    public async Task Read_ConnectionUsedMeanwhile_GetsTheAnswer()
    {
        var read = ReadAndThenAsync(() => { });
        _time.Advance(KeepAlive / 2);
        _client.CallStarted();
        await _connection.WriteAsync("GET / HTTP/1.1\r\n\r\n"u8.ToArray(), Cancelled);
        _time.Advance(KeepAlive * 3);

        _inner.Answer(7);

        Assert.Equal(7, await read.WaitAsync(TimeSpan.FromSeconds(20), Cancelled));
        Assert.False(_inner.IsClosed);
    }

    /// <summary>What a request must not meet is a connection of which the handler does not know yet that it is gone.</summary>
    [Fact]
    public async Task Request_WhileAConnectionRetires_BeginsWhenTheHandlerKnows()
    {
        var retiring = new TaskCompletionSource();
        using var handlerKnows = new ManualResetEventSlim();
        var read = ReadAndThenAsync(() =>
        {
            retiring.SetResult();
            handlerKnows.Wait(Cancelled);
        });
        var timer = Task.Run(() => _time.Advance(KeepAlive), Cancelled);
        await retiring.Task.WaitAsync(TimeSpan.FromSeconds(20), Cancelled);

        var request = Task.Factory.StartNew(_client.CallStarted, Cancelled, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        var first = await Task.WhenAny(request, Task.Delay(200, Cancelled));
        handlerKnows.Set();

        Assert.NotSame(request, first);
        await Task.WhenAll(request, timer, read).WaitAsync(TimeSpan.FromSeconds(20), Cancelled);
    }

    /// <summary>Reads ahead, and goes on as the handler does: at once, on the thread that ends the read.</summary>
    private async Task<int> ReadAndThenAsync(Action then)
    {
        int count = await _connection.ReadAsync(Memory<byte>.Empty, Cancelled).ConfigureAwait(false);
        then();
        return count;
    }

    /// <summary>Says nothing until it is told to.</summary>
    private sealed class SilentStream : Stream
    {
        private readonly TaskCompletionSource<int> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool IsClosed { get; private set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public void Answer(int count) => _answer.SetResult(count);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(_answer.Task);

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => ValueTask.CompletedTask;

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            IsClosed = true;
            _answer.TrySetException(new ObjectDisposedException(nameof(SilentStream)));
            base.Dispose(disposing);
        }
    }
}
