namespace TimingProxy.Insight;

/// <summary>All routes of a window of time as one run of bytes: numbers of seven bits a byte, buckets by their distance from the one before.</summary>
internal sealed class StoredRoutes
{
    private readonly string[] _names;
    private readonly byte[] _bytes;

    private StoredRoutes(TimeWindow window, string[] names, byte[] bytes) =>
        (From, To, DisturbedSeconds, _names, _bytes) = (window.From, window.To, window.DisturbedSeconds, names, bytes);

    public DateTimeOffset From { get; }

    public DateTimeOffset To { get; }

    public double DisturbedSeconds { get; }

    /// <summary>What the window takes, names not counted: they are those of the recorders.</summary>
    public int Bytes => _bytes.Length + (8 * _names.Length);

    public static StoredRoutes Of(TimeWindow window)
    {
        var bytes = new List<byte>();
        foreach (var route in window.Routes)
        {
            Write(bytes, route.Requests);
            Write(bytes, route.Errors);
            Write(bytes, route.Unanswered);
            Write(bytes, Microseconds(route.UpstreamSeconds));
            Write(bytes, route.App.Answers);
            Write(bytes, Microseconds(route.App.Seconds));
            Write(bytes, Microseconds(route.App.OutsideSeconds));
            Write(bytes, route.Buckets.Length);
            int last = 0;
            foreach (var (bucket, count) in route.Buckets)
            {
                Write(bytes, bucket - last);
                Write(bytes, count);
                last = bucket;
            }
        }

        return new StoredRoutes(window, [.. window.Routes.Select(route => route.Route)], [.. bytes]);
    }

    public TimeWindow Open()
    {
        var routes = new RouteWindow[_names.Length];
        int at = 0;
        for (int i = 0; i < routes.Length; i++)
        {
            long requests = Read(ref at);
            long errors = Read(ref at);
            long unanswered = Read(ref at);
            double seconds = Read(ref at) / 1e6;
            var app = new AppTime(Read(ref at), Read(ref at) / 1e6, Read(ref at) / 1e6);
            var buckets = new (ushort Bucket, uint Count)[Read(ref at)];
            int last = 0;
            for (int b = 0; b < buckets.Length; b++)
            {
                last += (int)Read(ref at);
                buckets[b] = ((ushort)last, (uint)Read(ref at));
            }

            routes[i] = new RouteWindow(_names[i], requests, errors, unanswered, seconds, app, buckets);
        }

        return new TimeWindow(From, To, routes, DisturbedSeconds);
    }

    private static long Microseconds(double seconds) => (long)Math.Round(seconds * 1e6);

    private static void Write(List<byte> bytes, long value)
    {
        for (; value > 0x7F; value >>= 7)
        {
            bytes.Add((byte)(value | 0x80));
        }

        bytes.Add((byte)value);
    }

    private long Read(ref int at)
    {
        long value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = _bytes[at++];
            value |= (long)(next & 0x7F) << shift;
            if (next <= 0x7F)
            {
                return value;
            }
        }
    }
}
