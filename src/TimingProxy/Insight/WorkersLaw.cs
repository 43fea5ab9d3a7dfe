using TimingProxy.Timing;

namespace TimingProxy.Insight;

/// <summary>
/// Little's law of the workers. A request that finds a free worker is started at once, so that its upstream time is its service time S. Departures
/// times S is the work that was done, and that is the time that workers were busy: D·S(W) = ∫ min(n, W) dt, where S(W) is the mean over those that found
/// at most W in flight. It holds for the true W whatever the distribution of service times, the order of the line and the arrivals.
/// </summary>
/// <remarks>
/// <para>For fewer than the true W the left side is the greater: more was done than so few could do. For more it is the smaller, as part of the time of
/// those that found so many was waiting. Without any limit it is nowhere the smaller. So the ratio falls through 1 at W and stays below for a while,
/// or there is no limit to be seen.</para>
/// <para>S is taken anew in every block, so that a dependency that is slow for a while explains nothing.</para>
/// </remarks>
internal static class WorkersLaw
{
    public const double LeastSignificance = 3;

    private const int LeastBlocks = 8;
    private const double LeastAnswers = 5;
    private const double Clipped = 3;
    private const double NormalMad = 1.4826;
    private const double LeastSpread = 0.02;

    // The plain mean, which single blocks can swamp, need not be as clear.
    private const double LeastPlain = 3;

    private const double MostInexact = 0.05;
    private const double LeastBesides = 0.04;
    private const double Step = 0.1;
    private const double LargestStep = 1.02;
    private const double Quantile975 = 1.96;

    // Of a cumulative sum of the blocks' deviations: one in a thousand by chance.
    private const double ClearChange = 1.95;

    public static WorkersFit Of(WorkBlocks blocks)
    {
        double[] limits = [.. Limits(blocks)];
        double besides = Besides(blocks);
        var ratios = new double[limits.Length];
        var errors = new double[limits.Length];
        var evidence = new double[limits.Length];
        var excess = new double[blocks.Count];
        double deepest = 0;
        int first = -1;
        int dip = -1;
        double least = 1;
        for (int i = 0; i < limits.Length; i++)
        {
            (ratios[i], errors[i]) = Balance(blocks, limits[i], besides, excess);
            if (double.IsNaN(ratios[i]))
            {
                continue;
            }

            first = first < 0 ? i : first;
            least = Math.Min(least, ratios[i]);
            bool isNear = dip < 0 || limits[i] < limits[dip] * 1.5;
            if (!isNear)
            {
                break;
            }

            evidence[i] = Math.Max(Evidence(blocks, limits[i], excess), ratios[i] < 1 ? LeastPlain * Significance(i) : 0);
            deepest = Math.Min(deepest, evidence[i]);
            if (evidence[i] <= -LeastSignificance && (dip < 0 || evidence[i] < evidence[dip]))
            {
                dip = i;
            }
        }

        int low = Math.Max(0, first);
        while (first >= 0 && low < limits.Length && Significance(low) > Quantile975)
        {
            low++;
        }

        double all = Math.Min(blocks.Highest, InFlightLevels.LastExact);
        double atLeast = first < 0 ? 0 : low < limits.Length ? LowEnd(low) : limits.Length == 0 ? all : Math.Max(all, limits[^1]);
        if (dip < 0)
        {
            return new WorkersFit(double.PositiveInfinity, atLeast, double.PositiveInfinity, least, 0, -deepest, 0, Growth(blocks, 0, blocks.Bounds.Length), -1);
        }

        int crossing = dip;
        while (crossing > first && ratios[crossing - 1] < 1)
        {
            crossing--;
        }

        low = crossing;
        while (low > first && Significance(low - 1) < Quantile975)
        {
            low--;
        }

        int high = crossing;
        while (high < dip && Significance(high) > -Quantile975)
        {
            high++;
        }

        double estimate = crossing == first ? limits[first] : Between(limits[crossing - 1], limits[crossing], ratios[crossing - 1], ratios[crossing]);
        Balance(blocks, estimate, besides, excess);
        int at = blocks.LevelsUpTo(estimate);
        return new WorkersFit(
            estimate, Math.Min(LowEnd(low), estimate), limits[high], ratios[dip], -evidence[dip], -deepest, Growth(blocks, 0, at), Growth(blocks, 0, blocks.Bounds.Length), Change(excess));

        double Significance(int i) => (ratios[i] - 1) / errors[i];

        // Below the first that could be judged, nothing speaks against any.
        double LowEnd(int i) => i == first ? 1 : limits[i];
    }

    /// <summary>How upstream time goes along with the number in flight within blocks: 0 not at all, 1 in proportion.</summary>
    public static double Growth(WorkBlocks blocks, int from, int to)
    {
        double covariance = 0;
        double variance = 0;
        for (int block = 0; block < blocks.Count; block++)
        {
            var (c, v) = blocks.Growth(block, from, to);
            covariance += c;
            variance += v;
        }

        return variance > 0 ? covariance / variance : 0;
    }

    /// <summary>
    /// Time in flight that is no upstream time, slow uploads say, by departure: what Little's law of all in flight leaves over. Up to the last time that few
    /// were in flight: of a backlog that is still there at the end, the upstream time is not known yet.
    /// </summary>
    private static double Besides(WorkBlocks blocks)
    {
        double[] inFlight = [.. Enumerable.Range(0, blocks.Count).Select(block => blocks.InFlightSeconds(block) / Math.Max(blocks.AllSeconds(block), 1e-9))];
        double few = inFlight.Order().ElementAt(inFlight.Length / 10);
        int last = Array.FindLastIndex(inFlight, mean => mean <= few);
        double all = 0;
        double upstream = 0;
        double departures = 0;
        double inexact = 0;
        for (int block = 0; block <= last; block++)
        {
            all += blocks.InFlightSeconds(block);
            upstream += blocks.Answered(block).UpstreamSeconds;
            departures += blocks.Departures[block];
            inexact += blocks.IsExact(block) ? 0 : blocks.InFlightSeconds(block);
        }

        bool isKnown = departures > 0 && inexact < MostInexact * all;
        return isKnown && all - upstream > LeastBesides * all ? (all - upstream) / departures : 0;
    }

    /// <summary>
    /// Work done over time that workers were busy, with its standard error; <paramref name="excess"/> is the difference by block, NaN where unknown.
    /// A block in which few found few in flight tells little of what a request takes, and counts for less.
    /// </summary>
    private static (double Ratio, double Error) Balance(WorkBlocks blocks, double limit, double besides, double[] excess)
    {
        int levels = blocks.LevelsUpTo(limit);
        double sum = 0;
        double busy = 0;
        int used = 0;
        for (int block = 0; block < blocks.Count; block++)
        {
            var (answers, upstream) = blocks.AnsweredUpTo(block, levels);
            excess[block] = double.NaN;
            if (answers >= LeastAnswers)
            {
                double departures = blocks.Departures[block];
                double own = blocks.BusySeconds(block, limit, levels) * Weight(answers, departures);
                excess[block] = (departures * ((upstream / answers) + besides) * Weight(answers, departures)) - own;
                sum += excess[block];
                busy += own;
                used++;
            }
        }

        if (used < LeastBlocks || busy <= 0)
        {
            return (double.NaN, double.NaN);
        }

        double squares = 0;
        for (int block = 0; block < blocks.Count; block++)
        {
            if (!double.IsNaN(excess[block]))
            {
                double weight = Weight(blocks.AnsweredUpTo(block, levels).Answers, blocks.Departures[block]);
                double deviation = excess[block] - (sum / busy * blocks.BusySeconds(block, limit, levels) * weight);
                squares += deviation * deviation;
            }
        }

        // Nothing is known better than to a thousandth.
        return (1 + (sum / busy), Math.Max(0.001, Math.Sqrt(squares) / busy));
    }

    private static double Weight(double answers, double departures) => answers / (answers + departures);

    /// <summary>
    /// The excess of blocks against the error that each of them has by itself, as a mean in standard errors. No block counts for more than three of its
    /// errors: a few seconds in which the backend's speed changes can be as far off as they like.
    /// </summary>
    private static double Evidence(WorkBlocks blocks, double limit, double[] excess)
    {
        int levels = blocks.LevelsUpTo(limit);
        var deviations = new double[excess.Length];
        int used = 0;
        for (int block = 0; block < excess.Length; block++)
        {
            if (!double.IsNaN(excess[block]))
            {
                var (answers, upstream) = blocks.AnsweredUpTo(block, levels);
                double departures = blocks.Departures[block];
                double error = upstream / answers * Math.Sqrt(departures * (1 + (departures / answers))) * Weight(answers, departures);
                deviations[used++] = excess[block] / Math.Max(error, 1e-9);
            }
        }

        if (used == 0)
        {
            return 0;
        }

        var known = deviations.AsSpan(0, used);
        double middle = Median(known);
        double[] distances = new double[used];
        for (int i = 0; i < used; i++)
        {
            distances[i] = Math.Abs(known[i] - middle);
        }

        double most = Clipped * Math.Max(LeastSpread, NormalMad * Median(distances));
        double sum = 0;
        double squares = 0;
        foreach (double deviation in known)
        {
            double clipped = Math.Clamp(deviation, -most, most);
            sum += clipped;
            squares += clipped * clipped;
        }

        double variance = squares - (sum * sum / used);
        return used > 1 && variance > 0 ? sum / Math.Sqrt(variance) : 0;
    }

    private static double Median(Span<double> values)
    {
        values.Sort();
        return values[values.Length / 2];
    }

    /// <summary>Where the sum of deviations turns, if it goes further from 0 than chance would take it.</summary>
    private static int Change(double[] excess)
    {
        double[] known = [.. excess.Where(deviation => !double.IsNaN(deviation))];
        double mean = known.Average();
        double deviations = Math.Sqrt(known.Sum(deviation => (deviation - mean) * (deviation - mean)));
        double sum = 0;
        double furthest = 0;
        int at = -1;
        for (int block = 0; block < excess.Length; block++)
        {
            sum += double.IsNaN(excess[block]) ? 0 : excess[block] - mean;
            if (Math.Abs(sum) > furthest)
            {
                (furthest, at) = (Math.Abs(sum), block + 1);
            }
        }

        return furthest > ClearChange * deviations ? at : -1;
    }

    /// <summary>By tenths, widening to 2 %; of levels that hold several numbers only their bounds.</summary>
    private static IEnumerable<double> Limits(WorkBlocks blocks)
    {
        double highest = blocks.Highest;
        for (double limit = 1; limit < Math.Min(highest, InFlightLevels.LastExact); limit = Math.Round(Math.Max(limit + Step, limit * LargestStep), 1))
        {
            yield return limit;
        }

        foreach (double bound in blocks.Bounds.ToArray())
        {
            if (bound >= InFlightLevels.LastExact && bound < highest)
            {
                yield return bound;
            }
        }
    }

    private static double Between(double low, double high, double above, double below) =>
        above <= 1 || above - below <= 0 ? high : low + ((high - low) * (above - 1) / (above - below));
}
