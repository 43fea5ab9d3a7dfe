using System.Numerics;

namespace TimingProxy.Insight;

/// <summary>
/// Log-linear buckets of latency: 64 to an octave, so that a bucket is at most 1.6 % wide and its middle at most 0.8 % off. From ten
/// microseconds, below which all is one, to an hour and a half.
/// </summary>
internal static class LatencyBuckets
{
    public const int Count = (Octaves + 1) * PerOctave;

    private const int PerOctave = 64;
    private const int Octaves = 23;
    private const double UnitMs = 0.01;

    public static int IndexOf(double milliseconds)
    {
        long units = (long)(milliseconds / UnitMs);
        if (units < PerOctave)
        {
            return (int)Math.Max(0, units);
        }

        int octave = BitOperations.Log2((ulong)units) - 6;
        return octave >= Octaves ? Count - 1 : ((octave + 1) * PerOctave) + (int)(units >> octave) - PerOctave;
    }

    /// <summary>Upper bound of a bucket, in milliseconds.</summary>
    public static double UpperMs(int index) => LowerMs(index + 1);

    public static double LowerMs(int index)
    {
        int octave = (index / PerOctave) - 1;
        return octave < 0 ? index * UnitMs : (PerOctave + (index % PerOctave)) * Math.Pow(2, octave) * UnitMs;
    }
}
