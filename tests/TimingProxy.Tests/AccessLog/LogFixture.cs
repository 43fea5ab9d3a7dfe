using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Time.Testing;
using TimingProxy.AccessLog;
using TimingProxy.Settings;
using TimingProxy.Timing;
using Xunit;

namespace TimingProxy.Tests.AccessLog;

/// <summary>What becomes of a batch of lines.</summary>
internal delegate ValueTask LogOutput(ReadOnlyMemory<byte> lines);

/// <summary>An access log on a clock that stands still until it is told to go on, with an output that the test owns.</summary>
internal sealed class LogFixture : IDisposable
{
    private readonly SemaphoreSlim _written = new(0);
    private readonly StringBuilder _text = new();

    public LogFixture(AccessLogSettings? log = null, LogOutput? output = null)
    {
        Settings = new LiveSettings(new ProxySettings { AccessLog = log ?? new AccessLogSettings { Enabled = true } });
        Clock = new RequestClock(Time);
        Output = output ?? (_ => ValueTask.CompletedTask);
        Log = new AccessLogWriter(Settings, new OutputStream(WriteAsync), Time);
    }

    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2024, 2, 29, 23, 59, 58, 7, TimeSpan.Zero));

    public LiveSettings Settings { get; }

    public RequestClock Clock { get; }

    public AccessLogWriter Log { get; }

    /// <summary>What happens to a batch before it counts as written.</summary>
    public LogOutput Output { get; set; }

    public string Text
    {
        get
        {
            lock (_text)
            {
                return _text.ToString();
            }
        }
    }

    public static RequestTiming Request(RequestClock clock, string target = "/a", Action<HttpContext>? configure = null)
    {
        var context = new DefaultHttpContext();
        context.Request.Method = "GET";
        context.Features.Get<IHttpRequestFeature>()!.RawTarget = target;
        configure?.Invoke(context);
        return new RequestTiming(context, clock);
    }

    public void Complete(string target = "/a")
    {
        var request = Request(Clock, target);
        request.MarkCompleted();
        Log.OnCompleted(request);
    }

    /// <summary>Waits for the next batch that was tried, whether it succeeded or not.</summary>
    public Task BatchAsync() => _written.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

    /// <summary>Lets the pause after a batch pass, once it has begun.</summary>
    public async Task PassAsync(TimeSpan pause)
    {
        // The flusher registers its timer after the batch; a clock that is moved before would not be seen by it.
        while (!Log.ExecuteTask!.IsCompleted && Log.Queue.Count > 0)
        {
            Time.Advance(pause);
            await Task.Yield();
        }
    }

    public void Dispose()
    {
        Log.Dispose();
        _written.Dispose();
    }

    private async ValueTask WriteAsync(ReadOnlyMemory<byte> lines)
    {
        try
        {
            await Output(lines);
            lock (_text)
            {
                _text.Append(Encoding.UTF8.GetString(lines.Span));
            }
        }
        finally
        {
            _written.Release();
        }
    }

    private sealed class OutputStream(LogOutput write) : MemoryStream
    {
        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => write(buffer);
    }
}
