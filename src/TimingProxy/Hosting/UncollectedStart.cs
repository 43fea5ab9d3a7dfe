using System.Runtime;

namespace TimingProxy.Hosting;

/// <summary>
/// Keeps the garbage collector from running in the middle of a start, which would cost a fifth of it: most of what it finds is still needed.
/// </summary>
internal static class UncollectedStart
{
    // A start allocates less than 7 MB; where it allocates more, the collector runs as always.
    private const long Bytes = 8 * 1024 * 1024;

    public static void Begin()
    {
        try
        {
            GC.TryStartNoGCRegion(Bytes);
        }
        catch (ArgumentOutOfRangeException)
        {
            // The heap is limited to less than that (DOTNET_GCHeapHardLimit).
        }
    }

    public static void End()
    {
        if (GCSettings.LatencyMode != GCLatencyMode.NoGCRegion)
        {
            return;
        }

        try
        {
            GC.EndNoGCRegion();
        }
        catch (InvalidOperationException)
        {
            // A collection has ended it, for one was asked for or more was allocated.
        }
    }
}
