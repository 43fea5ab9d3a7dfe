using System.Globalization;
using TimingProxy.Timing;

namespace TimingProxy.Insight;

/// <summary>What limits the backend, as far as the evidence goes.</summary>
internal enum VerdictKind
{
    NotEnoughData,
    ConcurrencyLimited,
    ServiceTimeBound,
}

/// <summary>A number of requests worked on at a time, with its 95 % interval.</summary>
internal readonly record struct Limit(double Estimate, double Low, double High);

/// <param name="Limit">Requests worked on at a time; null but for <see cref="VerdictKind.ConcurrencyLimited"/>.</param>
/// <param name="WaitingShare">Share of all upstream time that was waiting for a worker; 0 where there is no limit.</param>
/// <param name="SeenUpTo">So many were worked on at a time: no limit up to there.</param>
/// <param name="Since">The first window of the stretch that was judged: later than the first where the limit changed.</param>
/// <param name="Missing">What is missing for a verdict; null where there is one.</param>
internal sealed record Verdict(VerdictKind Kind, Limit? Limit, double WaitingShare, double SeenUpTo, int Since, string? Missing)
{
    private const double LeastDepartures = 300;
    private const int LeastWindows = 20;
    private const int LeastAfterChange = 60;
    private const int Longer = 4;
    private const int LeastLongBlocks = 20;

    // By how much upstream time must grow with the number in flight, 1 being in proportion, for a limit to be believed; and by how much it cannot.
    private const double LeastGrowth = 0.06;
    private const double MostGrowth = 1.1;

    // Behind very few workers, the rest of a long service that is under way counts for more than its place in line.
    private const double MostGrowthOfFew = 2.2;
    private const double Few = 3;

    // Where it grows below the limit nearly as it does above, it is no line that grows.
    private const double SameGrowth = 0.8;
    private const double LineGrowth = 0.6;

    // By how much those above the limit may take longer than the line before them explains.
    private const double MostBesideLine = 2;

    // A dip less than that is within what the model leaves out.
    private const double LeastDip = 0.99;
    private const double LeastDipOfMany = 0.97;

    // What blocks of one length see must show in those of the other too, less clearly: a change of speed shows in one of them only.
    private const double LeastOfOther = 2;

    // Time above what is known to be below any limit.
    private const double ToleratedShareAbove = 0.08;

    // What the interval leaves out: blocks in which requests go on from before and after, levels that hold several numbers.
    private const double Slack = 0.05;
    private const double Resolution = 0.1;

    /// <summary>Judges a backend by its windows, oldest first, and by how its routes slow down.</summary>
    public static Verdict Of(IReadOnlyList<LevelWindow> windows, IReadOnlyList<RouteTrend> trends) =>
        Of(windows.ToArray(), 0, trends);

    private static Verdict Of(ReadOnlySpan<LevelWindow> windows, int since, IReadOnlyList<RouteTrend> trends)
    {
        double departures = 0;
        int busy = 0;
        foreach (var window in windows)
        {
            departures += window.Departures;
            busy += window.Departures > 0 ? 1 : 0;
        }

        if (departures < LeastDepartures || busy < LeastWindows)
        {
            return Without(since, string.Create(
                CultureInfo.InvariantCulture,
                $"there were {departures:0} answers in {busy} seconds with traffic; at least {LeastDepartures:0} in {LeastWindows} are needed."));
        }

        // 1. In blocks as short as the traffic allows, and longer ones, which know better what a request takes.
        int length = WorkBlocks.LengthFor(windows);
        var blocks = WorkBlocks.Of(windows, length);
        var fit = WorkersLaw.Of(blocks);
        double shortDip = fit.Dip;
        double growth = fit.GrowthAbove;
        bool agrees = true;
        double seen = fit.Low;
        if (windows.Length / (length * Longer) >= LeastLongBlocks / 2 && windows.Length / LeastLongBlocks > length)
        {
            var longer = WorkBlocks.Of(windows, Math.Min(length * Longer, windows.Length / LeastLongBlocks));
            var longFit = WorkersLaw.Of(longer);
            bool isBetter = fit.Significance > 0 ? longFit.Estimate < fit.Estimate : fit.Deepest > LeastOfOther && shortDip < LeastDip;
            agrees = longFit.Deepest > LeastOfOther;
            growth = Math.Max(growth, longFit.GrowthAbove);
            if (longFit.Significance > 0 && isBetter)
            {
                (blocks, fit) = (longer, longFit);
            }
        }

        // 2. A limit that changed: what holds now is what counts.
        if (fit is { Significance: > 0, ChangeAt: > 0 })
        {
            int at = fit.ChangeAt * blocks.WindowsPerBlock;
            if (windows.Length - at >= LeastAfterChange && at >= LeastWindows)
            {
                return Of(windows[at..], since + at, trends);
            }
        }

        // 3. The law sees a limit: the other signs must agree.
        bool isLimited = fit.Significance > 0 && agrees;
        if (isLimited && fit.Dip < (fit.Estimate <= InFlightLevels.LastExact ? LeastDip : LeastDipOfMany))
        {
            return Limited(windows, since, trends, fit);
        }

        // 4. None: did the load go high enough to have shown one?
        double above = ShareAbove(blocks, seen);
        bool growsInLine = growth is > LeastGrowth * 2 and <= MostGrowth;
        return seen >= 2 && above <= ToleratedShareAbove && !isLimited && !growsInLine
            ? new Verdict(VerdictKind.ServiceTimeBound, null, 0, seen, since, null)
            : Without(since, string.Create(
                CultureInfo.InvariantCulture,
                $"there were up to {blocks.Highest:0} requests in flight, but it cannot be told whether more than {Math.Max(1, seen):0.#} were worked on at a time: a longer time, or a load that rises and falls, would tell."));
    }

    private static Verdict Limited(ReadOnlySpan<LevelWindow> windows, int since, IReadOnlyList<RouteTrend> trends, WorkersFit fit)
    {
        if (fit.GrowthAbove < LeastGrowth || fit.GrowthAbove > (fit.Estimate <= Few ? MostGrowthOfFew : MostGrowth))
        {
            return Without(since, "the signs disagree: answers become fewer when more are in flight, but do not take longer in the way that waiting in line would make them. Perhaps a dependency is slow now and then, or clients are.");
        }

        // A line that grows in proportion from the lowest number on began further down: the limit is at most what was found.
        bool isLineThroughout = fit.GrowthBelow > SameGrowth * fit.GrowthAbove;
        if (isLineThroughout && fit.GrowthAbove < LineGrowth)
        {
            return Without(since, "the signs disagree: requests slow each other down from the first, not only above some number. Perhaps they contend for something, short of a limit.");
        }

        if (SharedLine.WaitsAlone(trends) is { } route)
        {
            return Without(since, $"the signs disagree: {route} waits for something that other routes do not need, a lock perhaps; the backend as a whole shows no limit.");
        }

        double besideLine = OverLine(windows, fit.Estimate);
        if (besideLine > MostBesideLine)
        {
            return Without(since, string.Create(
                CultureInfo.InvariantCulture,
                $"the signs disagree: with more than {fit.Estimate:0.#} in flight requests take {besideLine:0.#} times what the line before them explains. Perhaps a dependency is slow now and then."));
        }

        var limit = new Limit(fit.Estimate, isLineThroughout ? 1 : Math.Max(1, (fit.Low * (1 - Slack)) - Resolution), (fit.High * (1 + Slack)) + Resolution);
        return new Verdict(VerdictKind.ConcurrencyLimited, limit, WaitingShareAbove(windows, fit.Estimate), limit.Low, since, null);
    }

    /// <summary>
    /// Upstream time of requests that found more than <paramref name="limit"/> in flight, over what they would have taken in line: at n in
    /// flight n / limit times what those took that found a free worker. About 1 to 1.5 where it is a line that they wait in.
    /// </summary>
    private static double OverLine(ReadOnlySpan<LevelWindow> windows, double limit)
    {
        double answers = 0;
        double upstream = 0;
        double upstreamAbove = 0;
        double placesAbove = 0;
        foreach (var window in windows)
        {
            foreach (var cell in window.Cells)
            {
                bool isAbove = cell.InFlight > limit;
                answers += isAbove ? 0 : cell.Answers;
                upstream += isAbove ? 0 : cell.UpstreamSeconds;
                upstreamAbove += isAbove ? cell.UpstreamSeconds : 0;
                placesAbove += isAbove ? cell.Answers * cell.InFlight / limit : 0;
            }
        }

        return upstream > 0 && placesAbove > 0 ? upstreamAbove / placesAbove / (upstream / answers) : 0;
    }

    /// <summary>Share of upstream time (requests times seconds) that was spent above <paramref name="limit"/>, in line.</summary>
    private static double WaitingShareAbove(ReadOnlySpan<LevelWindow> windows, double limit)
    {
        double waiting = 0;
        double all = 0;
        foreach (var window in windows)
        {
            foreach (var cell in window.Cells)
            {
                waiting += cell.Seconds * Math.Max(0, cell.InFlight - limit);
                all += cell.Seconds * cell.InFlight;
            }
        }

        return all > 0 ? waiting / all : 0;
    }

    private static double ShareAbove(WorkBlocks blocks, double limit)
    {
        int levels = blocks.LevelsUpTo(Math.Ceiling(limit));
        double below = 0;
        double all = 0;
        for (int block = 0; block < blocks.Count; block++)
        {
            below += blocks.Seconds(block, levels);
            all += blocks.AllSeconds(block);
        }

        return all > 0 ? 1 - (below / all) : 0;
    }

    private static Verdict Without(int since, string missing) => new(VerdictKind.NotEnoughData, null, 0, 0, since, missing);
}
