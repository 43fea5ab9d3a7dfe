namespace TimingProxy.Insight;

/// <summary>Workers and one line before them, first come first served. Times in seconds.</summary>
internal sealed class WorkersLine(int workers, int mostLatencies)
{
    // By the time at which each becomes free.
    private readonly PriorityQueue<int, double> _workers = new(Enumerable.Repeat((0, 0.0), workers));

    // Single precision: of twenty thousand less than what the collector treats as a large object.
    private readonly float[] _latencies = new float[mostLatencies];
    private int _count;
    private double _backlog;

    /// <summary>A request comes, no earlier than the one before.</summary>
    public void Serve(double at, double service, bool counts)
    {
        _workers.TryPeek(out _, out double free);
        double end = Math.Max(at, free) + service;
        _workers.DequeueEnqueue(0, end);
        if (counts)
        {
            _latencies[_count++] = (float)(end - at);
        }
    }

    /// <summary>From here on only the work that is left is known; none where the line <paramref name="isEmpty"/>.</summary>
    public void Pause(double at, bool isEmpty)
    {
        _backlog = 0;
        if (!isEmpty)
        {
            foreach (var (_, free) in _workers.UnorderedItems)
            {
                _backlog += Math.Max(0, free - at);
            }
        }
    }

    /// <summary>While paused: <paramref name="work"/> seconds of it come in, and the workers do what they can.</summary>
    public void Pass(double work, double seconds) => _backlog = Math.Max(0, _backlog + work - (workers * seconds));

    /// <summary>What is left is shared out evenly.</summary>
    public void Resume(double at)
    {
        _workers.Clear();
        _workers.EnqueueRange(Enumerable.Repeat(0, workers), at + (_backlog / workers));
    }

    /// <summary>Of the latencies that count; 0 of none.</summary>
    public Quantiles Quantiles()
    {
        var sorted = _latencies.AsSpan(0, _count);
        sorted.Sort();
        return _count == 0 ? default : new Quantiles(1000 * sorted[_count / 2], 1000 * sorted[(int)(_count * 0.99)]);
    }
}
