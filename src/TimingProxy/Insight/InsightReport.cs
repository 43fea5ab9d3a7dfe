using System.Globalization;

namespace TimingProxy.Insight;

/// <summary>Everything that the insight page says of a span of time.</summary>
internal sealed record InsightReport(
    DateTimeOffset From,
    DateTimeOffset To,
    Verdict Verdict,
    RouteSummary Total,
    Quantiles? WithOneMore,
    Quantiles? WithDouble,
    IReadOnlyList<RouteSummary> Routes,
    IReadOnlyList<LevelRate> Levels,
    Timeline Timeline,
    int InFlight)
{
    /// <summary>Judges what the recorder holds of the time since <paramref name="since"/>.</summary>
    public static InsightReport Of(InsightRecorder recorder, DateTimeOffset since, DateTimeOffset now)
    {
        var (windows, levels) = recorder.Since(since);
        var verdict = Verdict.Of(levels, recorder.TrendsSince(since));
        // Where the limit changed meanwhile, what more workers would give follows from the time since.
        LevelWindow[] judged = levels[verdict.Since..];
        var total = RouteRanking.Total(windows);
        var observed = new Quantiles(total.Latency.QuantileMs(0.5), total.Latency.QuantileMs(0.99));
        (Quantiles OneMore, Quantiles Twice)? more = verdict.Limit is { } limit ? MoreWorkers.Predict(judged, limit.Estimate, observed) : null;
        return new InsightReport(
            windows.Length > 0 ? windows[0].From : since,
            now,
            verdict,
            total,
            more?.OneMore,
            more?.Twice,
            RouteRanking.Of(windows),
            LevelRates.Of(judged),
            Timeline.Of(windows),
            recorder.InFlight);
    }

    /// <summary>Departures per second of each request that is worked on: the line through <see cref="Levels"/>; null where there is no verdict.</summary>
    public double? DeparturesEach => Verdict.Kind == VerdictKind.NotEnoughData
        ? null
        : LevelRates.DeparturesEach(Levels, Verdict.Limit?.Estimate ?? double.PositiveInfinity);

    /// <summary>Share of the time in which the clock may have been read late (<see cref="TimeWindow.IsDisturbed"/>).</summary>
    public double ClockDisturbedShare
    {
        get
        {
            double all = Timeline.Columns.Sum(column => column.Seconds);
            return all > 0 ? Timeline.Columns.Where(column => column.IsDisturbed).Sum(column => column.Seconds) / all : 0;
        }
    }

    /// <summary>The verdict in one sentence, for a person.</summary>
    public string Sentence => Verdict.Kind switch
    {
        VerdictKind.ConcurrencyLimited => string.Create(
            CultureInfo.InvariantCulture,
            $"About {Verdict.Limit!.Value.Estimate:0.#} requests are worked on at a time ({Verdict.Limit.Value.Low:0.#} to {Verdict.Limit.Value.High:0.#}) and the rest wait: {Verdict.WaitingShare:P0} of all upstream time is waiting. More workers, or async end to end, would help; with one more, half of the requests would take {WithOneMore!.Value.P50Ms:0.#} ms instead of {Total.Latency.QuantileMs(0.5):0.#}."),
        VerdictKind.ServiceTimeBound => string.Create(
            CultureInfo.InvariantCulture,
            $"Throughput still follows concurrency: no limit was seen up to {Verdict.SeenUpTo:0.#} in flight. Async would not help; the time is in the requests themselves{Owner()}."),
        _ => "Not enough data for a verdict: " + Verdict.Missing,
    };

    private string Owner() => Routes.Count > 0 && Routes[0].UpstreamShare > 0
        ? string.Create(CultureInfo.InvariantCulture, $", first of all in {Routes[0].Route} ({Routes[0].UpstreamShare:P0} of it): tune its queries, its cache, its dependency")
        : "";
}
