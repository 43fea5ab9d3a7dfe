using System.Numerics;

namespace TimingProxy.Timing;

/// <summary>
/// The levels that numbers of requests in flight are counted under: exact up to <see cref="LastExact"/>, then two to an octave
/// (65–96, 97–128, 129–192, …), all above <see cref="LastCounted"/> in the last.
/// </summary>
internal static class InFlightLevels
{
    public const int LastExact = 64;
    public const int LastCounted = 65_536;

    /// <summary>Levels in all; level 0 is idleness.</summary>
    public const int Count = LastExact + 1 + 20;

    public static int IndexOf(int inFlight)
    {
        if (inFlight <= LastExact)
        {
            return inFlight;
        }

        if (inFlight > LastCounted)
        {
            return Count - 1;
        }

        // 65…128 is octave 0; its lower half ends at 96.
        int octave = BitOperations.Log2((uint)(inFlight - 1)) - 6;
        int upperHalf = inFlight > (LastExact << octave) * 3 / 2 ? 1 : 0;
        return LastExact + 1 + (octave * 2) + upperHalf;
    }

    /// <summary>The smallest number in flight that is counted under <paramref name="index"/>.</summary>
    public static int LowerBound(int index) => index == 0 ? 0 : UpperBound(index - 1) + 1;

    /// <summary>The greatest number in flight that is counted under <paramref name="index"/>.</summary>
    public static int UpperBound(int index)
    {
        if (index <= LastExact)
        {
            return index;
        }

        int step = index - LastExact - 1;
        int octave = LastExact << (step / 2);
        return step % 2 == 0 ? octave * 3 / 2 : octave * 2;
    }
}
