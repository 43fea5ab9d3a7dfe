namespace TimingProxy.Insight;

/// <summary>What one route did in a closed window.</summary>
/// <param name="Errors">Answers of 5xx, and requests without an answer.</param>
/// <param name="Unanswered">Requests that the upstream refused, reset or left to time out.</param>
/// <param name="App">What the app said of its own time.</param>
/// <param name="Buckets">Buckets of latency that hold something, in order, with their counts.</param>
internal sealed record RouteWindow(
    string Route, long Requests, long Errors, long Unanswered, double UpstreamSeconds, AppTime App, (ushort Bucket, uint Count)[] Buckets);

/// <param name="UpstreamMs">Null where the upstream neither answered nor was waited for to the end.</param>
/// <param name="AppMs">What the app said of its own time; null where it said nothing.</param>
/// <param name="InFlight">Requests in flight when it started, itself included; 0 where that says nothing of its time.</param>
/// <param name="QueueMs">What it waited for a connection; like the wait for a worker, it goes along with the number in flight.</param>
internal readonly record struct FinishedRequest(
    double? UpstreamMs, double? AppMs, int InFlight, bool IsError, bool IsUnanswered, double QueueMs = 0);

/// <summary>Counts the requests of one route since it was made; by atomics, so that requests neither wait nor allocate.</summary>
internal sealed class RouteRecorder(string route)
{
    private readonly uint[] _counts = new uint[LatencyBuckets.Count];
    private readonly uint[] _closed = new uint[LatencyBuckets.Count];
    private Totals _closedTotals;
    private long _requests;
    private long _errors;
    private long _unanswered;
    private long _microseconds;

    // Of answers that came with the app's own figure: how many, the figure, and upstream time less it.
    private long _reported;
    private long _appMicroseconds;
    private long _outsideMicroseconds;

    // Of answers: how many, their requests in flight on arrival, the squares of these, upstream time with the wait for a connection, and the
    // product of the two.
    private long _answers;
    private long _inFlight;
    private long _inFlightSquared;
    private long _answerMicroseconds;
    private long _product;
    private (long Answers, long InFlight, long Squared, long Microseconds, long Product) _closedTrend;

    public string Route => route;

    /// <summary>Windows since the last one in which anything came.</summary>
    public int IdleWindows { get; private set; }

    public void Record(in FinishedRequest request)
    {
        if (request.UpstreamMs is { } milliseconds)
        {
            Interlocked.Increment(ref _counts[LatencyBuckets.IndexOf(milliseconds)]);
            long microseconds = (long)(milliseconds * 1000);
            Interlocked.Add(ref _microseconds, microseconds);
            if (request.InFlight is > 0 and var inFlight)
            {
                long untilAnswered = microseconds + (long)(request.QueueMs * 1000);
                Interlocked.Increment(ref _answers);
                Interlocked.Add(ref _inFlight, inFlight);
                Interlocked.Add(ref _inFlightSquared, (long)inFlight * inFlight);
                Interlocked.Add(ref _answerMicroseconds, untilAnswered);
                Interlocked.Add(ref _product, inFlight * untilAnswered);
            }

            if (request.AppMs is { } own)
            {
                Interlocked.Increment(ref _reported);
                Interlocked.Add(ref _appMicroseconds, (long)(own * 1000));
                Interlocked.Add(ref _outsideMicroseconds, (long)(Math.Max(0, milliseconds - own) * 1000));
            }
        }

        if (request.IsUnanswered)
        {
            Interlocked.Increment(ref _unanswered);
        }

        if (request.IsError)
        {
            Interlocked.Increment(ref _errors);
        }

        Interlocked.Increment(ref _requests);
    }

    /// <summary>What has come since the last call, which no two threads make at a time; null where nothing has.</summary>
    public RouteWindow? CloseWindow()
    {
        var totals = new Totals(
            Volatile.Read(ref _requests),
            Volatile.Read(ref _errors),
            Volatile.Read(ref _unanswered),
            Volatile.Read(ref _microseconds),
            Volatile.Read(ref _reported),
            Volatile.Read(ref _appMicroseconds),
            Volatile.Read(ref _outsideMicroseconds));
        if (totals.Requests == _closedTotals.Requests)
        {
            IdleWindows++;
            return null;
        }

        IdleWindows = 0;

        var buckets = new List<(ushort, uint)>();
        for (int i = 0; i < _counts.Length; i++)
        {
            uint count = Volatile.Read(ref _counts[i]);
            // Counters may wrap; differences do not.
            uint fresh = unchecked(count - _closed[i]);
            if (fresh != 0)
            {
                buckets.Add(((ushort)i, fresh));
                _closed[i] = count;
            }
        }

        var window = new RouteWindow(
            route,
            totals.Requests - _closedTotals.Requests,
            totals.Errors - _closedTotals.Errors,
            totals.Unanswered - _closedTotals.Unanswered,
            (totals.Microseconds - _closedTotals.Microseconds) / 1e6,
            new AppTime(
                totals.Reported - _closedTotals.Reported,
                (totals.AppMicroseconds - _closedTotals.AppMicroseconds) / 1e6,
                (totals.OutsideMicroseconds - _closedTotals.OutsideMicroseconds) / 1e6),
            [.. buckets]);
        _closedTotals = totals;
        return window;
    }

    /// <summary>How upstream time went along with requests in flight since the last call, which no two threads make at a time.</summary>
    public RouteTrend CloseTrend()
    {
        var now = (
            Volatile.Read(ref _answers),
            Volatile.Read(ref _inFlight),
            Volatile.Read(ref _inFlightSquared),
            Volatile.Read(ref _answerMicroseconds),
            Volatile.Read(ref _product));
        var (answers, inFlight, squared, microseconds, product) = _closedTrend;
        _closedTrend = now;
        return new RouteTrend(route, new TrendSums(
            now.Item1 - answers, now.Item2 - inFlight, now.Item3 - squared, (now.Item4 - microseconds) / 1e6, (now.Item5 - product) / 1e6));
    }

    private readonly record struct Totals(
        long Requests, long Errors, long Unanswered, long Microseconds, long Reported, long AppMicroseconds, long OutsideMicroseconds);
}
