using TimingProxy.Timing;

namespace TimingProxy.Insight;

/// <summary>
/// Windows put together to blocks, with running sums over the levels, so that what a limit would mean for a block is two look-ups.
/// A block is long enough to hold some dozens of answers and several service times, and as short as that allows: within it the backend's speed
/// is taken to be the same.
/// </summary>
internal sealed class WorkBlocks
{
    private const double ServiceTimes = 4;
    private const double AnswersPerBlock = 40;
    private const int LongestBlock = 15;

    // What is learnt of the speed is learnt from the answers that found the fewest in flight.
    private const double LowShare = 0.15;

    private readonly double[] _levels;
    private readonly double[] _bounds;
    private readonly double[] _sums;

    private WorkBlocks(double[] levels, double[] bounds, double[] sums, double[] departures, int windowsPerBlock)
    {
        (_levels, _bounds, _sums, Departures, WindowsPerBlock) = (levels, bounds, sums, departures, windowsPerBlock);
    }

    /// <summary>Answers that came in each block.</summary>
    public double[] Departures { get; }

    public int WindowsPerBlock { get; }

    public int Count => Departures.Length;

    /// <summary>The greatest number in flight that any level holds.</summary>
    public double Highest => _bounds.Length == 0 ? 0 : _bounds[^1];

    /// <summary>Greatest number in flight of every level that occurs.</summary>
    public ReadOnlySpan<double> Bounds => _bounds;

    public static WorkBlocks Of(ReadOnlySpan<LevelWindow> windows, int windowsPerBlock)
    {
        var seconds = new double[InFlightLevels.Count];
        foreach (var window in windows)
        {
            foreach (var cell in window.Cells)
            {
                seconds[LevelOf(cell)] += cell.Seconds;
            }
        }

        int[] used = [.. Enumerable.Range(1, InFlightLevels.Count - 1).Where(level => seconds[level] > 0)];
        var place = new int[InFlightLevels.Count];
        for (int i = 0; i < used.Length; i++)
        {
            place[used[i]] = i;
        }

        int width = used.Length + 1;
        int count = windows.Length / windowsPerBlock;
        var sums = new double[count * width * 4];
        var departures = new double[count];
        double[] levels = [.. used.Select(level => MeanWithin(level, seconds))];
        for (int block = 0; block < count; block++)
        {
            var own = sums.AsSpan(block * width * 4, width * 4);
            foreach (var window in windows.Slice(block * windowsPerBlock, windowsPerBlock))
            {
                foreach (var cell in window.Cells)
                {
                    int level = LevelOf(cell);
                    if (seconds[level] > 0)
                    {
                        var at = own.Slice((place[level] + 1) * 4, 4);
                        at[0] += cell.Seconds;
                        at[1] += cell.Seconds * levels[place[level]];
                        at[2] += cell.Answers;
                        at[3] += cell.UpstreamSeconds;
                        departures[block] += cell.Departures;
                    }
                }
            }

            for (int i = 4; i < own.Length; i++)
            {
                own[i] += own[i - 4];
            }
        }

        return new WorkBlocks(levels, [.. used.Select(level => (double)InFlightLevels.UpperBound(level))], sums, departures, windowsPerBlock);
    }

    /// <summary>
    /// Windows to a block, so that it holds some service times of a request that hardly waits and some dozens of answers: the longer it is, the
    /// better is known what a request takes, and the less weigh those that are under way when it begins and ends.
    /// </summary>
    public static int LengthFor(ReadOnlySpan<LevelWindow> windows)
    {
        double departures = 0;
        double answers = 0;
        var byLevel = new (double Answers, double Seconds)[InFlightLevels.Count];
        foreach (var window in windows)
        {
            departures += window.Departures;
            foreach (var cell in window.Cells)
            {
                byLevel[LevelOf(cell)].Answers += cell.Answers;
                byLevel[LevelOf(cell)].Seconds += cell.UpstreamSeconds;
                answers += cell.Answers;
            }
        }

        double low = 0;
        double lowSeconds = 0;
        int level = 0;
        for (; level < byLevel.Length && low <= answers * LowShare; level++)
        {
            low += byLevel[level].Answers;
            lowSeconds += byLevel[level].Seconds;
        }

        double service = low > 0 ? lowSeconds / low : 0;
        double needed = Math.Max(ServiceTimes * service, departures > 0 ? AnswersPerBlock * windows.Length / departures : 1);
        return Math.Clamp((int)Math.Ceiling(needed), 1, LongestBlock);
    }

    /// <summary>How many of the levels are not above <paramref name="limit"/>.</summary>
    public int LevelsUpTo(double limit)
    {
        int found = Array.BinarySearch(_bounds, limit + 1e-9);
        return found < 0 ? ~found : found + 1;
    }

    /// <summary>Requests at work, times seconds, if no more than <paramref name="limit"/> are worked on at a time.</summary>
    public double BusySeconds(int block, double limit, int levels)
    {
        var below = Row(block, levels);
        return below[1] + (limit * (Row(block, _levels.Length)[0] - below[0]));
    }

    /// <summary>Requests in flight, times seconds.</summary>
    public double InFlightSeconds(int block) => Row(block, _levels.Length)[1];

    /// <summary>Seconds with something in flight, in the lowest levels or in all.</summary>
    public double Seconds(int block, int levels) => Row(block, levels)[0];

    public double AllSeconds(int block) => Row(block, _levels.Length)[0];

    /// <summary>Whether no time of the block is in levels that hold several numbers.</summary>
    public bool IsExact(int block) => Seconds(block, LevelsUpTo(InFlightLevels.LastExact)) >= AllSeconds(block);

    /// <summary>Answers to requests that found themselves in one of the lowest levels, and their upstream time.</summary>
    public (double Answers, double UpstreamSeconds) AnsweredUpTo(int block, int levels)
    {
        var row = Row(block, levels);
        return (row[2], row[3]);
    }

    public (double Answers, double UpstreamSeconds) Answered(int block) => AnsweredUpTo(block, _levels.Length);

    /// <summary>
    /// Over the levels from <paramref name="from"/> up to before <paramref name="to"/>: how upstream time goes along with the number in flight
    /// (0: not at all, equal to the second figure: in proportion), both relative to their means.
    /// </summary>
    public (double Covariance, double Variance) Growth(int block, int from, int to)
    {
        var low = Row(block, from);
        var high = Row(block, to);
        double answers = high[2] - low[2];
        double upstream = high[3] - low[3];
        if (answers < 2 || upstream <= 0)
        {
            return default;
        }

        double level = 0;
        for (int i = from; i < to; i++)
        {
            level += (Row(block, i + 1)[2] - Row(block, i)[2]) * _levels[i];
        }

        level /= answers;
        double latency = upstream / answers;
        double covariance = 0;
        double variance = 0;
        for (int i = from; i < to; i++)
        {
            var before = Row(block, i);
            var after = Row(block, i + 1);
            double deviation = (_levels[i] - level) / level;
            covariance += deviation * (after[3] - before[3] - ((after[2] - before[2]) * latency)) / latency;
            variance += deviation * deviation * (after[2] - before[2]);
        }

        return (covariance, variance);
    }

    private static int LevelOf(LevelCell cell) => InFlightLevels.IndexOf((int)cell.InFlight);

    /// <summary>
    /// Mean number in flight within a level that holds several. Its middle would be wrong where time thins out quickly from level to
    /// level: the density is taken to be linear, with the slope that its neighbours show.
    /// </summary>
    private static double MeanWithin(int level, double[] seconds)
    {
        double low = InFlightLevels.LowerBound(level);
        double high = InFlightLevels.UpperBound(level);
        double middle = (low + high) / 2;
        if (low >= high)
        {
            return middle;
        }

        double width = high - low + 1;
        double density = seconds[level] / width;
        double slope = (Density(level + 1) - Density(level - 1)) / (Middle(level + 1) - Middle(level - 1));
        // A density that is not negative anywhere cannot be steeper.
        slope = Math.Clamp(slope / density, -2 / width, 2 / width);
        return middle + (slope * width * width / 12);

        double Middle(int other) => other >= InFlightLevels.Count ? high * 1.25 : (InFlightLevels.LowerBound(other) + InFlightLevels.UpperBound(other)) / 2.0;
        double Density(int other) => other >= InFlightLevels.Count ? 0 : seconds[other] / (InFlightLevels.UpperBound(other) - InFlightLevels.LowerBound(other) + 1);
    }

    /// <summary>Sums over the lowest levels: seconds, requests times seconds, answers, upstream seconds.</summary>
    private ReadOnlySpan<double> Row(int block, int levels) => _sums.AsSpan((((block * (_levels.Length + 1)) + levels) * 4), 4);
}
