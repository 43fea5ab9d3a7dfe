namespace TimingProxy.AccessLog;

/// <summary>
/// What the log keeps of one request: plain values and strings that the request had already, so that noting it allocates nothing.
/// Durations are in milliseconds, not rounded yet.
/// </summary>
/// <param name="Time">When the request was over.</param>
/// <param name="Target">Path as received, percent-encoding included; may have a query, which is not written.</param>
/// <param name="TraceParent">The header as received, valid or not; null where there was none.</param>
internal readonly record struct AccessLogEntry(
    DateTimeOffset Time,
    string Method,
    string Target,
    string Route,
    int Status,
    long BytesIn,
    long BytesOut,
    double UpstreamMs,
    double UploadMs,
    double QueueMs,
    double BodyMs,
    double OverheadMs,
    double TotalMs,
    int InFlight,
    string? ErrorType,
    string? TraceParent);
