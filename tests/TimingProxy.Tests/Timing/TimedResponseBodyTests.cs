using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Time.Testing;
using TimingProxy.Timing;

namespace TimingProxy.Tests.Timing;

public sealed class TimedResponseBodyTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly Client _client = new();
    private readonly RequestTiming _timing;

    public TimedResponseBodyTests()
    {
        var context = new DefaultHttpContext();
        context.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(_client));
        _timing = new RequestTiming(context, new RequestClock(_time));
    }

    public void Dispose() => _client.Dispose();

    [Fact]
    public async Task Read_BytesThatAreHere_AreCountedAndWaitForNobody()
    {
        await using var body = new TimedResponseBody(new MemoryStream(new byte[70]), _timing);

        int count = await ReadAsync(body, 50) + await ReadAsync(body, 50) + await ReadAsync(body, 50);

        Assert.Equal((70, 70L, 0L, 0), (count, _timing.BytesOut, _timing.BodyTicks, _client.Flushes));
    }

    [Fact]
    public async Task Read_FirstBytesAreNotHere_SendsHeadersMeanwhileAndCountsTheWait()
    {
        var upstream = new Upstream();
        await using var body = new TimedResponseBody(upstream, _timing);

        var first = ReadAsync(body, 10);
        Assert.Equal(1, _client.Flushes);
        _time.Advance(TimeSpan.FromMilliseconds(20));
        upstream.Next.SetResult(3);
        Assert.Equal(3, await first);
        upstream.Next = new TaskCompletionSource<int>();
        var second = ReadAsync(body, 10);
        _time.Advance(TimeSpan.FromMilliseconds(5));
        upstream.Next.SetResult(4);
        Assert.Equal(4, await second);

        Assert.Equal((7L, 25.0, 1), (_timing.BytesOut, _timing.Clock.ToMilliseconds(_timing.BodyTicks), _client.Flushes));
    }

    [Fact]
    public async Task Read_FailureIsHereAlready_IsToldBeforeAnythingIsSent()
    {
        var upstream = new Upstream();
        upstream.Next.SetException(new IOException("broken"));
        await using var body = new TimedResponseBody(upstream, _timing);

        await Assert.ThrowsAsync<IOException>(() => ReadAsync(body, 10));

        Assert.Equal((0, 0L), (_client.Flushes, _timing.BytesOut));
    }

    /// <summary>An app that falls silent in the middle of a stream, until its client has had enough.</summary>
    [Fact]
    public async Task Read_WaitEndsInFailure_CountsTheWait()
    {
        var upstream = new Upstream();
        await using var body = new TimedResponseBody(upstream, _timing);

        var read = ReadAsync(body, 10);
        _time.Advance(TimeSpan.FromSeconds(2));
        upstream.Next.SetException(new OperationCanceledException());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read);

        Assert.Equal((2000.0, false), (_timing.Clock.ToMilliseconds(_timing.BodyTicks), _timing.IsBodyRead));
    }

    [Fact]
    public async Task Read_HeadersCannotBeSent_IsStillAwaited()
    {
        var upstream = new Upstream();
        await using var body = new TimedResponseBody(upstream, _timing);
        _client.Failure = new InvalidOperationException("no");

        var read = ReadAsync(body, 10);

        Assert.False(read.IsCompleted);
        upstream.Next.SetResult(3);
        await Assert.ThrowsAsync<InvalidOperationException>(() => read);
    }

    private static Task<int> ReadAsync(TimedResponseBody body, int bytes) =>
        body.ReadAsync(new byte[bytes], TestContext.Current.CancellationToken).AsTask();

    private sealed class Client : MemoryStream
    {
        public int Flushes { get; private set; }

        public Exception? Failure { get; set; }

        public override Task FlushAsync(CancellationToken cancellationToken)
        {
            Flushes++;
            return Failure is null ? Task.CompletedTask : Task.FromException(Failure);
        }
    }

    private sealed class Upstream : MemoryStream
    {
        public TaskCompletionSource<int> Next { get; set; } = new();

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(Next.Task);
    }
}
