using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using TimingProxy.AccessLog;
using TimingProxy.Settings;
using TimingProxy.Timing;
using Xunit;

namespace TimingProxy.Tests.AccessLog;

public sealed class AccessLogTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public void Log_ByDefault_NotesNothing()
    {
        using var fixture = new LogFixture(new ProxySettings().AccessLog);

        fixture.Complete();

        Assert.Equal(0, fixture.Log.Queue.Count);
    }

    [Fact]
    public void Log_TurnedOnByReload_NotesTheNextRequest()
    {
        using var fixture = new LogFixture(new AccessLogSettings());
        fixture.Complete();

        fixture.Settings.Publish(new ProxySettings { AccessLog = new AccessLogSettings { Enabled = true } });
        fixture.Complete();

        Assert.Equal(1, fixture.Log.Queue.Count);
    }

    [Theory]
    [InlineData(99, 0)]
    [InlineData(100, 0)]
    [InlineData(101, 1)]
    public void Log_WithSlowMs_NotesOnlySlowerRequests(int milliseconds, int expected)
    {
        using var fixture = new LogFixture(new AccessLogSettings { Enabled = true, SlowMs = 100 });
        var request = LogFixture.Request(fixture.Clock);
        fixture.Time.Advance(TimeSpan.FromMilliseconds(milliseconds));
        request.MarkCompleted();

        fixture.Log.OnCompleted(request);

        Assert.Equal(expected, fixture.Log.Queue.Count);
    }

    [Fact]
    public async Task Log_OfARequest_HasItsFigures()
    {
        using var fixture = new LogFixture();
        await fixture.Log.StartAsync(Cancel);
        var request = LogFixture.Request(fixture.Clock, "/articles/1?secret=2", context =>
        {
            context.Response.StatusCode = 504;
            context.Request.Headers.TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        });
        request.Route = "articles";
        request.InFlightOnArrival = 3;
        request.BytesIn = 10;
        request.ErrorType = ErrorType.Timeout;
        fixture.Time.Advance(TimeSpan.FromMilliseconds(1));
        request.MarkStarted();
        request.ExpectUpload().Begin(request.Clock.Now);
        fixture.Time.Advance(TimeSpan.FromMilliseconds(2));
        request.ExpectUpload().End(request.Clock.Now);
        fixture.Time.Advance(TimeSpan.FromMilliseconds(40));
        request.MarkQueued(TimeSpan.FromMilliseconds(4).Ticks);
        request.MarkResponded(hasResponse: false);
        request.MarkStamped();
        request.AddBodyRead(20, TimeSpan.FromMilliseconds(8).Ticks);
        fixture.Time.Advance(TimeSpan.FromMilliseconds(16));
        request.MarkCompleted();

        fixture.Log.OnCompleted(request);
        await fixture.BatchAsync();

        Assert.Equal(
            """
            {"time":"2024-02-29T23:59:58.066Z","method":"GET","path":"/articles/1","route":"articles","status":504,"bytes_in":10,"bytes_out":20,"upstream_ms":36.0,"upload_ms":2.0,"queue_ms":4.0,"body_ms":8.0,"overhead_ms":1.0,"total_ms":59.0,"in_flight":3,"error_type":"timeout","trace_id":"0af7651916cd43dd8448eb211c80319c"}
            """ + "\n",
            fixture.Text);
    }

    [Theory]
    [InlineData(ErrorType.ClientAbort, false, 400, 499)]
    [InlineData(ErrorType.ClientAbort, true, 200, 200)]
    [InlineData(ErrorType.BadRequest, false, 400, 400)]
    [InlineData(null, false, 200, 200)]
    public async Task Log_OfAClientThatLeft_HasAStatusOfItsOwnWhereNoneWasSent(string? errorType, bool hasStarted, int status, int expected)
    {
        using var fixture = new LogFixture();
        await fixture.Log.StartAsync(Cancel);
        var request = LogFixture.Request(fixture.Clock, configure: context =>
        {
            context.Features.Set<IHttpResponseFeature>(new Response(hasStarted));
            context.Response.StatusCode = status;
        });
        request.ErrorType = errorType;

        fixture.Log.OnCompleted(request);
        await fixture.BatchAsync();

        using var json = JsonDocument.Parse(fixture.Text);
        Assert.Equal(expected, json.RootElement.GetProperty("status").GetInt32());
    }

    [Theory]
    [InlineData("http://user:pw@host/x?y", "/x")]
    [InlineData("*", "/x")]
    [InlineData("/%2e%2E/%c3%a9?q", "/%2e%2E/%c3%a9")]
    public async Task Log_OfATarget_HasThePathAsReceivedAndNoMore(string target, string expected)
    {
        using var fixture = new LogFixture();
        await fixture.Log.StartAsync(Cancel);
        var request = LogFixture.Request(fixture.Clock, target, context => context.Request.Path = "/x");

        fixture.Log.OnCompleted(request);
        await fixture.BatchAsync();

        using var json = JsonDocument.Parse(fixture.Text);
        Assert.Equal(expected, json.RootElement.GetProperty("path").GetString());
    }

    [Fact]
    public void Log_InSteadyState_AllocatesNothingForARequest()
    {
        using var fixture = new LogFixture();
        var request = LogFixture.Request(fixture.Clock, configure: context =>
            context.Request.Headers.TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        request.MarkCompleted();
        Complete();

        long before = GC.GetAllocatedBytesForCurrentThread();
        Complete();
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        // The queue's own array doubles now and then; a hundred requests would show any cost of their own.
        Assert.InRange(allocated, 0, 99);

        void Complete()
        {
            for (int i = 0; i < 100; i++)
            {
                fixture.Log.OnCompleted(request);
                fixture.Log.Queue.TryRead(out _);
            }
        }
    }

    [Fact]
    public async Task Log_WhileTheOutputIsSlow_DropsAndCountsAndNeverBlocks()
    {
        var release = new TaskCompletionSource();
        var isStuck = new TaskCompletionSource();
        using var fixture = new LogFixture(output: _ =>
        {
            isStuck.TrySetResult();
            return new ValueTask(release.Task);
        });
        await fixture.Log.StartAsync(Cancel);
        fixture.Complete();
        await isStuck.Task.WaitAsync(Cancel);

        // None of these waits, or the test would hang: the output is stuck in its first batch.
        for (int i = 0; i < AccessLogWriter.Capacity + 100; i++)
        {
            fixture.Complete();
        }

        Assert.Equal(100, fixture.Log.Dropped);
        release.SetResult();
        await fixture.BatchAsync();
        await fixture.PassAsync(AccessLogWriter.Linger);
        await fixture.Log.StopAsync(Cancel);
        Assert.Equal(AccessLogWriter.Capacity + 1, fixture.Text.Count(c => c == '\n'));
        Assert.Equal(100, fixture.Log.Dropped);
    }

    [Fact]
    public async Task Log_WhileTheOutputFails_CountsAndRecovers()
    {
        int tries = 0;
        using var fixture = new LogFixture(output: _ => throw new IOException("Broken pipe"));
        var failing = fixture.Output;
        fixture.Output = lines => ++tries <= 2 ? failing(lines) : ValueTask.CompletedTask;
        await fixture.Log.StartAsync(Cancel);

        for (int batch = 0; batch < 3; batch++)
        {
            fixture.Complete($"/{batch}");
            await fixture.PassAsync(AccessLogWriter.Recovery);
            await fixture.BatchAsync();
        }

        await fixture.Log.StopAsync(Cancel);
        Assert.Equal(2, fixture.Log.Dropped);
        Assert.Contains("\"path\":\"/2\"", fixture.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Log_AfterAFailure_DoesNotTryAgainBeforeTheRecovery()
    {
        int tries = 0;
        using var fixture = new LogFixture(output: _ =>
        {
            Interlocked.Increment(ref tries);
            throw new IOException("No space left on device");
        });
        await fixture.Log.StartAsync(Cancel);
        fixture.Complete();
        await fixture.BatchAsync();

        fixture.Complete();
        fixture.Time.Advance(AccessLogWriter.Recovery - TimeSpan.FromMilliseconds(1));

        Assert.Equal(1, tries);
        Assert.Equal(1, fixture.Log.Queue.Count);
    }

    [Fact]
    public async Task Log_OnStop_WritesWhatIsQueued()
    {
        using var fixture = new LogFixture();
        await fixture.Log.StartAsync(Cancel);
        fixture.Complete("/first");
        await fixture.BatchAsync();
        fixture.Complete("/second");

        await fixture.Log.StopAsync(Cancel);

        Assert.Contains("/second", fixture.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Log_OnStopWithAStuckOutput_GivesUpAtTheLimit()
    {
        var stuck = new TaskCompletionSource();
        using var fixture = new LogFixture(output: _ => new ValueTask(stuck.Task));
        await fixture.Log.StartAsync(Cancel);
        fixture.Complete();
        await EmptyAsync(fixture);

        var stop = fixture.Log.StopAsync(Cancel);
        Assert.False(stop.IsCompleted);
        fixture.Time.Advance(AccessLogWriter.StopLimit);

        await stop.WaitAsync(TimeSpan.FromSeconds(30), Cancel);
        stuck.SetResult();
    }

    /// <summary>Waits until the flusher has taken what was queued.</summary>
    private static async Task EmptyAsync(LogFixture fixture)
    {
        while (fixture.Log.Queue.Count > 0)
        {
            await Task.Yield();
        }
    }

    private sealed class Response(bool hasStarted) : HttpResponseFeature
    {
        public override bool HasStarted => hasStarted;
    }
}
