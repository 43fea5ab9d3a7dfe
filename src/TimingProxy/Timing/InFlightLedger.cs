namespace TimingProxy.Timing;

/// <summary>What happened at one level of requests in flight since the process started; durations in ticks of the clock.</summary>
/// <param name="Ticks">Time spent at the level.</param>
/// <param name="Departures">Answers that came while at the level.</param>
/// <param name="Answers">Answers to requests that made it this level when they started.</param>
/// <param name="UpstreamTicks">Upstream time of those answers, with their wait for a connection where that is limited.</param>
/// <param name="UpstreamSquares">Sum of the squares of those upstream times, in <see cref="SquareSeconds"/>.</param>
internal readonly record struct LevelTotals(long Ticks, long Departures, long Answers, long UpstreamTicks, long UpstreamSquares)
{
    /// <summary>Unit of <see cref="UpstreamSquares"/> in s²: (10 µs)², so that a hundred thousand requests of a minute each fit between two readings.</summary>
    public const double SquareSeconds = 1e-10;
}

/// <summary>
/// Counts, for every number of requests in flight, the time spent there, the departures and their upstream time.
/// In flight is a request between <c>started</c> and <c>responded</c>.
/// </summary>
/// <remarks>
/// Lock-free, a few atomics on arrival and departure. The time at level n is kept as (sum of the timestamps at which n was left)
/// − (sum of the timestamps at which it was entered); for the level that is occupied at the moment of reading, now counts as a leave.
/// Sums may wrap: only differences mean anything. <c>_state</c> holds the number in flight (low half) and the number of changes begun
/// (high half), <c>_finished</c> the changes done; a reader takes its values between two moments at which no change was under way.
/// </remarks>
internal sealed class InFlightLedger(RequestClock clock)
{
    private const long OneChange = 1L << 32;
    private const int ReadAttempts = 200;

    private readonly long[] _ticks = new long[InFlightLevels.Count];
    private readonly long[] _departures = new long[InFlightLevels.Count];
    private readonly long[] _answers = new long[InFlightLevels.Count];
    private readonly long[] _upstreamTicks = new long[InFlightLevels.Count];
    private readonly long[] _upstreamSquares = new long[InFlightLevels.Count];
    private readonly long _origin = clock.Now;
    private long _state;
    private long _finished;

    public int InFlight => (int)(uint)Volatile.Read(ref _state);

    /// <summary>A request has started. Returns the number in flight with it.</summary>
    public int Arrive(long now)
    {
        int inFlight = (int)(uint)Interlocked.Add(ref _state, OneChange + 1);
        Move(inFlight - 1, inFlight, now - _origin);
        Interlocked.Increment(ref _finished);
        return inFlight;
    }

    /// <summary>
    /// A request was answered after <paramref name="upstreamTicks"/> of upstream time, waiting for a connection included; it had been the <paramref name="arrivedAs"/>-th in
    /// flight, as <see cref="Arrive"/> said.
    /// </summary>
    public void Depart(long now, long upstreamTicks, int arrivedAs)
    {
        int inFlight = (int)(uint)Interlocked.Add(ref _state, OneChange - 1);
        Interlocked.Increment(ref _departures[InFlightLevels.IndexOf(inFlight + 1)]);
        int level = InFlightLevels.IndexOf(arrivedAs);
        Interlocked.Increment(ref _answers[level]);
        Interlocked.Add(ref _upstreamTicks[level], upstreamTicks);
        double seconds = clock.ToSeconds(upstreamTicks);
        Interlocked.Add(ref _upstreamSquares[level], (long)((seconds * seconds / LevelTotals.SquareSeconds) + 0.5));
        Move(inFlight + 1, inFlight, now - _origin);
        Interlocked.Increment(ref _finished);
    }

    /// <summary>A request left without an answer (refused, reset, timed out, client gone): no departure of the backend's making.</summary>
    public void Leave(long now)
    {
        int inFlight = (int)(uint)Interlocked.Add(ref _state, OneChange - 1);
        Move(inFlight + 1, inFlight, now - _origin);
        Interlocked.Increment(ref _finished);
    }

    /// <summary>
    /// Copies the totals of every level (<see cref="InFlightLevels.Count"/> long) as they stood at <paramref name="at"/>, with
    /// <paramref name="inFlight"/> requests in flight. False where traffic changed them at every attempt: read again later.
    /// </summary>
    public bool TryRead(Span<LevelTotals> totals, out long at, out int inFlight)
    {
        var spin = new SpinWait();
        for (int attempt = 0; attempt < ReadAttempts; attempt++)
        {
            long state = Volatile.Read(ref _state);
            if ((uint)(state >> 32) != (uint)Volatile.Read(ref _finished))
            {
                spin.SpinOnce(sleep1Threshold: -1);
                continue;
            }

            at = clock.Now;
            inFlight = (int)(uint)state;
            int current = InFlightLevels.IndexOf(inFlight);
            for (int level = 0; level < totals.Length; level++)
            {
                long ticks = Volatile.Read(ref _ticks[level]) + (level == current ? at - _origin : 0);
                totals[level] = new LevelTotals(
                    ticks,
                    Volatile.Read(ref _departures[level]),
                    Volatile.Read(ref _answers[level]),
                    Volatile.Read(ref _upstreamTicks[level]),
                    Volatile.Read(ref _upstreamSquares[level]));
            }

            if (Volatile.Read(ref _state) == state)
            {
                return true;
            }
        }

        at = 0;
        inFlight = 0;
        return false;
    }

    private void Move(int from, int to, long now)
    {
        int left = InFlightLevels.IndexOf(from);
        int entered = InFlightLevels.IndexOf(to);
        if (left != entered)
        {
            Interlocked.Add(ref _ticks[left], now);
            Interlocked.Add(ref _ticks[entered], -now);
        }
    }
}
