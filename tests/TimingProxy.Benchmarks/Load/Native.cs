using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace TimingProxy.Benchmarks.Load;

/// <summary>What the load client needs of the kernel: a socket's bytes and the readiness of many, without a thread or an allocation each.</summary>
internal static unsafe partial class Native
{
    public const int Readable = 1;

    private const int Add = 1;
    private const int SetTimerSlack = 29;

    /// <summary>A kernel's <c>epoll_event</c>, which is packed on x64.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = 4)]
    public struct Event
    {
        public uint Events;
        public int Data;
        public int Padding;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    /// <returns>A descriptor, closed with what holds it.</returns>
    public static SafeFileHandle CreatePoll() => new(Checked(EpollCreate(0), "epoll_create1"), ownsHandle: true);

    public static void Watch(SafeFileHandle poll, int socket, int data)
    {
        var interest = new Event { Events = Readable, Data = data };
        Checked(EpollControl(poll, Add, socket, &interest), "epoll_ctl");
    }

    /// <summary>Waits for events; <paramref name="nanoseconds"/> below zero waits for ever.</summary>
    public static int Wait(SafeFileHandle poll, Span<Event> events, long nanoseconds)
    {
        var limit = new TimeSpec { Seconds = Math.Max(0, nanoseconds) / 1_000_000_000, Nanoseconds = Math.Max(0, nanoseconds) % 1_000_000_000 };
        fixed (Event* first = events)
        {
            // A signal is as good as a timeout.
            return Math.Max(0, EpollWait(poll, first, events.Length, nanoseconds < 0 ? null : &limit, null));
        }
    }

    public static int Receive(int socket, Span<byte> buffer)
    {
        fixed (byte* first = buffer)
        {
            return (int)Recv(socket, first, (nuint)buffer.Length, 0);
        }
    }

    public static void Send(int socket, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* first = bytes)
        {
            if (SendTo(socket, first, (nuint)bytes.Length, 0) != bytes.Length)
            {
                throw new IOException($"A request could not be sent at once: error {Marshal.GetLastPInvokeError()}");
            }
        }
    }

    /// <summary>Lets this thread's waits end when they should: by default the kernel may be 50 µs late.</summary>
    public static void WakeOnTime() => Checked(Control(SetTimerSlack, 1, 0, 0, 0), "prctl");

    private static int Checked(int result, string call) =>
        result >= 0 ? result : throw new InvalidOperationException($"{call}: error {Marshal.GetLastPInvokeError()}");

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    private static partial int EpollCreate(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    private static partial int EpollControl(SafeFileHandle poll, int operation, int socket, Event* interest);

    [LibraryImport("libc", EntryPoint = "epoll_pwait2", SetLastError = true)]
    private static partial int EpollWait(SafeFileHandle poll, Event* events, int count, TimeSpec* limit, void* signals);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    private static partial nint Recv(int socket, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint SendTo(int socket, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    private static partial int Control(int option, nuint a, nuint b, nuint c, nuint d);
}
