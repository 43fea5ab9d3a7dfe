namespace TimingProxy.Insight;

/// <summary>All routes together in one stretch of time.</summary>
/// <param name="Seconds">How long it is.</param>
internal sealed record TimelineColumn(
    DateTimeOffset To, double Seconds, long Requests, long Errors, long Unanswered, bool IsDisturbed, LatencyHistogram Latency, TimeWindow Window);

/// <summary>The time that is looked at, cut into so many columns as a picture can show.</summary>
internal sealed class Timeline
{
    public const int MaxColumns = 120;

    // Two to an octave: what the eye tells apart.
    private const int BucketsPerRow = 32;

    private Timeline(TimelineColumn[] columns)
    {
        Columns = columns;
        int[] rows = [.. columns.SelectMany(column => column.Latency.NonEmpty()).Select(bucket => bucket.Bucket / BucketsPerRow)];
        (FirstRow, Rows) = rows.Length == 0 ? (0, 0) : (rows.Min(), rows.Max() - rows.Min() + 1);
    }

    public IReadOnlyList<TimelineColumn> Columns { get; }

    /// <summary>Upper bounds of the heat map's rows, in milliseconds.</summary>
    public IEnumerable<double> RowBoundsMs => Enumerable.Range(FirstRow, Rows).Select(row => LatencyBuckets.UpperMs(((row + 1) * BucketsPerRow) - 1));

    private int FirstRow { get; }

    private int Rows { get; }

    public static Timeline Of(IReadOnlyList<TimeWindow> windows)
    {
        double width = windows.Count == 0 ? 0 : (windows[^1].To - windows[0].From).TotalSeconds / MaxColumns;
        var columns = new List<TimelineColumn>();
        var open = new List<TimeWindow>();
        for (int i = 0; i < windows.Count; i++)
        {
            open.Add(windows[i]);
            // The remainder of the division would make one column more.
            if (open.Sum(window => window.Seconds) >= width * 0.999 || i == windows.Count - 1)
            {
                columns.Add(Column(open.Aggregate((sum, next) => sum.With(next))));
                open.Clear();
            }
        }

        return new Timeline([.. columns]);
    }

    /// <summary>Requests of a column by row of the heat map, lowest latency first.</summary>
    public long[] HeatOf(TimelineColumn column)
    {
        var counts = new long[Rows];
        foreach (var (bucket, count) in column.Latency.NonEmpty())
        {
            counts[(bucket / BucketsPerRow) - FirstRow] += count;
        }

        return counts;
    }

    /// <summary>Median upstream time of a route by column, in milliseconds; null where nothing of it was answered.</summary>
    public IEnumerable<double?> TrendOf(string route) => Columns.Select(column =>
        Array.Find(column.Window.Routes, window => window.Route == route) is { Buckets.Length: > 0 } found
            ? (double?)LatencyHistogram.QuantileMs(found.Buckets.Select(bucket => ((int)bucket.Bucket, (long)bucket.Count)), found.Buckets.Sum(bucket => bucket.Count), 0.5)
            : null);

    private static TimelineColumn Column(TimeWindow window) => new(
        window.To,
        window.Seconds,
        window.Routes.Sum(route => route.Requests),
        window.Routes.Sum(route => route.Errors),
        window.Routes.Sum(route => route.Unanswered),
        window.IsDisturbed,
        RouteRanking.Latency(window.Routes),
        window);
}
