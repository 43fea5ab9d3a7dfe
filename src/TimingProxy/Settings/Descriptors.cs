using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace TimingProxy.Settings;

/// <summary>
/// The file descriptors that the process may have (<c>ulimit -n</c>), and who may use the last of them. A server that accepts until there is
/// none left can neither reach its upstream nor be asked how it is; so clients stop first, then upstreams, and the admin port last.
/// </summary>
internal static class Descriptors
{
    // Of Linux: resource.h, fcntl.h.
    private const int OpenFilesLimit = 7;
    private const int GetFlags = 1;
    private const int CloseOnExec = 1;

    // Files, probes, name resolution, and the admin port's connections.
    private const int MostSpare = 64;

    private const int StandardError = 2;

    private static readonly List<SafeFileHandle> Fillers = [];

    /// <summary>How many there may be; <see cref="int.MaxValue"/> where that is not known.</summary>
    public static int Limit { get; private set; } = int.MaxValue;

    /// <summary>Clients' connections get no descriptor from this one on: each of their requests needs another one to the upstream.</summary>
    public static int EndForClients => EndForUpstreams / 4 * 3;

    /// <summary>Upstreams' connections get none from this one on.</summary>
    public static int EndForUpstreams => Limit - Spare;

    public static int EndForAdmin => Limit - (Spare / 2);

    private static int Spare => Math.Min(MostSpare, Limit / 4);

    /// <summary>
    /// Raises the limit to what the system allows: its default of 1,024 is for programs that use <c>select</c>. Where that fails, the limit
    /// stays what it is.
    /// </summary>
    public static void RaiseLimit()
    {
        if (!OperatingSystem.IsLinux() || GetLimit(OpenFilesLimit, out var limit) != 0)
        {
            return;
        }

        var raised = limit with { Current = limit.Most };
        nuint current = SetLimit(OpenFilesLimit, in raised) == 0 ? raised.Current : limit.Current;
        Limit = (int)nuint.Min(current, int.MaxValue);
    }

    /// <summary>
    /// Opens nothing (<c>/dev/null</c>) in the place of each standard stream that was not handed over and has no number yet: what is free is given to
    /// the next file or connection, and who writes to the stream then writes there, or fails. Held as long as the process lives.
    /// </summary>
    public static void FillStandardStreams()
    {
        for (int stream = 0; stream <= StandardError; stream++)
        {
            if (OperatingSystem.IsLinux() && GetDescriptorFlags(stream, GetFlags) < 0 && File.Exists("/dev/null"))
            {
                // The lowest free number is the one that is given, and those below are taken.
                Fillers.Add(File.OpenHandle("/dev/null", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite));
            }
        }
    }

    /// <summary>
    /// Whether a standard stream was handed over at the start. Where it was not, its number has gone to something of the runtime's, which,
    /// unlike what is handed over, is closed on exec; what is written there would go astray.
    /// </summary>
    public static bool IsHandedOver(int standardStream)
    {
        int flags = OperatingSystem.IsLinux() ? GetDescriptorFlags(standardStream, GetFlags) : 0;
        return flags >= 0 && (flags & CloseOnExec) == 0;
    }

    [DllImport("libc", EntryPoint = "getrlimit")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int GetLimit(int resource, out ResourceLimit limit);

    [DllImport("libc", EntryPoint = "setrlimit")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetLimit(int resource, in ResourceLimit limit);

    [DllImport("libc", EntryPoint = "fcntl")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int GetDescriptorFlags(int descriptor, int command);

    private record struct ResourceLimit(nuint Current, nuint Most);
}
