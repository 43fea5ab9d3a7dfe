using Microsoft.AspNetCore.Http;

namespace TimingProxy.Timing;

/// <summary>
/// The clock and the facts of one request. Points are timestamps of <see cref="RequestClock"/>, 0 where the request never
/// came that far; durations are its ticks.
/// </summary>
/// <remarks>
/// <code>
/// received ── request transforms ── started ── upstream works ── responded ── headers ── stamped ── body ── completed
///                                       └ queue └ upload waits ┘                └── body waits ──┘ bodyRead
/// </code>
/// Written by the request's own flow; only the upload wait is also touched by the concurrent pump of the request body.
/// </remarks>
internal sealed class RequestTiming(HttpContext context, RequestClock clock)
{
    /// <summary>The route label of requests that nothing more exact is known of.</summary>
    public const string DefaultRoute = "default";

    /// <summary>The label value that everything above a bound shares: routes, and label sets of the metrics.</summary>
    public const string Other = "_other";

    private UploadWait? _upload;
    private IDisposable? _held;
    private long _bodyTicks;
    private long _receivedAt;

    public HttpContext Context => context;

    /// <summary>The timing that <see cref="TimingMiddleware"/> has put on a request of the traffic port.</summary>
    public static RequestTiming Of(HttpContext context) =>
        Find(context) ?? throw new InvalidOperationException("The request did not come through TimingMiddleware.");

    /// <summary>The timing of a request, or null where it has none.</summary>
    // By type and not by Get<T>: that is a generic virtual call, which in native code is looked up each time.
    public static RequestTiming? Find(HttpContext context) => (RequestTiming?)context.Features[typeof(RequestTiming)];

    public RequestClock Clock => clock;

    /// <summary>Request headers are parsed; first middleware.</summary>
    public long Received { get; } = clock.Now;

    /// <summary>All request transforms are done, right before the request goes to the upstream.</summary>
    public long Started { get; private set; }

    /// <summary>When the request went on to the upstream, after it had waited for a connection.</summary>
    public long SentAt => Started + QueueTicks;

    /// <summary>
    /// Final (not 1xx) response headers are there: received by the kernel where it says so (<see cref="MarkReceived"/>), else parsed, before they
    /// are copied; on a failure, the failure.
    /// </summary>
    public long Responded { get; private set; }

    /// <summary>The response headers are ready to be written.</summary>
    public long Stamped { get; private set; }

    /// <summary>The response has been handed to the server, or the request has failed.</summary>
    public long Completed { get; private set; }

    /// <summary>Waiting for a free upstream connection where their number is limited, else 0.</summary>
    public long QueueTicks { get; private set; }

    /// <summary>Value of the <c>route</c> label; bounded.</summary>
    public string Route { get; set; } = DefaultRoute;

    /// <summary>Route for the insight page, which learns templates even where the metrics do not; bounded.</summary>
    public string InsightRoute { get; set; } = DefaultRoute;

    /// <summary>Id of the YARP route that matched; null where none did.</summary>
    public string? MatchedRoute { get; set; }

    /// <summary>Cluster the request was handed to; empty where it never was.</summary>
    public string Cluster { get; set; } = "";

    /// <summary>Where the request is counted as active; null where it was never handed to a cluster.</summary>
    public ClusterLoad? Load { get; private set; }

    /// <summary>One of <see cref="Timing.ErrorType"/>, or null where nothing failed.</summary>
    public string? ErrorType { get; set; }

    /// <summary>Whether the upstream's own response headers came: false on refusals, resets, timeouts and aborts before them.</summary>
    public bool HasResponse { get; private set; }

    /// <summary>Whether the request went on to the upstream: not where it gave up in the line for a connection.</summary>
    public bool IsSent { get; private set; }

    /// <summary>
    /// Whether its upstream time is one to record: an answer's, or that of a timeout, as the wait was real. Refusals, resets and aborts would
    /// flatter the quantiles, and so would a timeout in the proxy's own line. Valid once <see cref="ErrorType"/> is known.
    /// </summary>
    public bool HasUpstreamTime => HasResponse || (IsSent && ErrorType == Timing.ErrorType.Timeout);

    /// <summary>Whether the upstream's response body was read to its end.</summary>
    public bool IsBodyRead { get; private set; }

    /// <summary>Whether the connection was upgraded (101, or 200 to an extended CONNECT).</summary>
    public bool IsUpgraded { get; private set; }

    /// <summary>Requests between <see cref="Started"/> and <see cref="Responded"/> when this one started, itself included.</summary>
    public int InFlightOnArrival { get; set; }

    public long BytesIn { get; set; }

    /// <summary>Read of the upstream's body.</summary>
    public long BytesOut { get; private set; }

    /// <summary>What the app says its own time was, in ticks of the clock; -1 where it says nothing.</summary>
    public long AppReportedTicks { get; set; } = -1;

    /// <summary>Status sent to the client (valid in observers).</summary>
    public int StatusCode => context.Response.StatusCode;

    /// <summary>Upstream (render) time: between started and responded, less waiting for the client's body and for a connection.</summary>
    public long UpstreamTicks => UpstreamTicksUntil(Responded);

    /// <summary>Waiting to read the request body from the client, inside <c>started … responded</c>.</summary>
    public long UploadTicks => _upload?.Ticks ?? 0;

    /// <summary>Reading the upstream's body, between responded and bodyRead.</summary>
    public long BodyTicks => _bodyTicks;

    public long TotalTicks => Completed - Received;

    /// <summary>What the proxy itself added before the response headers; 0 where the upstream was never reached.</summary>
    public long OverheadTicks =>
        Started == 0 ? 0 : Math.Max(0, Started - Received + (Stamped == 0 ? 0 : Math.Max(0, Stamped - Responded)));

    /// <summary>Upstream time as it stands at <paramref name="now"/>, for a request that has not been answered yet.</summary>
    public long UpstreamTicksUntil(long now)
    {
        if (Started == 0 || now == 0)
        {
            return 0;
        }

        return Math.Max(0, now - Started - (_upload?.TicksUntil(now) ?? 0) - QueueTicks);
    }

    public void MarkStarted() => MarkStarted(clock.Now);

    /// <summary>Starts the upstream's time, from the beginning if the request is sent a second time in another form.</summary>
    public void MarkStarted(long now)
    {
        Started = now;
        Responded = 0;
        QueueTicks = 0;
        IsSent = false;
        _receivedAt = 0;
        _upload?.Start(now);
    }

    public void MarkQueued(long ticks) => QueueTicks = ticks;

    public void MarkSent() => IsSent = true;

    /// <summary>Ends the upstream's time, with its response headers or without (<paramref name="hasResponse"/>).</summary>
    public void MarkResponded(bool hasResponse) => MarkResponded(clock.Now, hasResponse);

    public void MarkResponded(long now, bool hasResponse)
    {
        Responded = hasResponse && IsReceivedBefore(now) ? _receivedAt : now;
        _upload?.Stop(Responded);
        HasResponse = hasResponse;
    }

    /// <summary>Something was read from the upstream.</summary>
    /// <param name="at">When the kernel received it, on the clock; 0 where that is not known.</param>
    public void MarkReceived(long at) => _receivedAt = at;

    public void MarkStamped() => Stamped = clock.Now;

    /// <summary>The request goes to a cluster, and is counted there until <see cref="MarkCompleted"/>.</summary>
    public void MarkForwarded(ClusterLoad load)
    {
        Cluster = load.Cluster;
        Load = load;
        load.RequestStarted();
    }

    public void MarkUpgraded()
    {
        if (!IsUpgraded)
        {
            IsUpgraded = true;
            Load?.RequestUpgraded();
        }
    }

    public void MarkCompleted()
    {
        Completed = clock.Now;
        Load?.RequestCompleted(IsUpgraded);
        _held?.Dispose();
    }

    /// <summary>Keeps what the request holds until it is over; one thing at most.</summary>
    public void DisposeWhenCompleted(IDisposable held) => _held = held;

    /// <summary>There is a request body, whose reading may have to wait for the client. To be said before the request is sent.</summary>
    public UploadWait ExpectUpload() => _upload ??= new UploadWait(Started);

    /// <summary>Adds a read of the upstream's body that gave <paramref name="bytes"/> and had to wait for <paramref name="ticks"/>.</summary>
    public void AddBodyRead(int bytes, long ticks)
    {
        BytesOut += bytes;
        _bodyTicks += ticks;
    }

    public void MarkBodyRead() => IsBodyRead = true;

    /// <summary>
    /// Whether the kernel's word on the answer can be taken: not where the wall clock, by which it goes, was set in between, nor where the answer
    /// lay there while the client's body was still waited for.
    /// </summary>
    private bool IsReceivedBefore(long now) => _receivedAt > Started && _receivedAt < now && _upload?.LastsBeyond(_receivedAt) != true;
}
