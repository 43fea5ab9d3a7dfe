using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace TimingProxy.Proxy;

/// <summary>
/// Receives from a TCP socket together with the moment at which the kernel had the bytes. Whoever reads them is late by as long as he had
/// other things to do, and that is not the upstream's time.
/// </summary>
/// <remarks>
/// <c>SO_TIMESTAMPNS</c> of socket(7): the kernel's wall clock when it received the last packet of those that a read takes from. .NET does
/// not show it, so the system is called here; waiting for the bytes is left to .NET.
/// </remarks>
internal static unsafe class TimestampedReceive
{
    // Of Linux on 64 bits: socket.h, errno.h.
    private const int SocketLevel = 1;
    private const int Timestamps = 35;
    private const int DoNotWait = 0x40;
    private const int Interrupted = 4;
    private const int WouldBlock = 11;
    private const int ConnectionReset = 104;
    private const int TimedOut = 110;

    /// <summary>Asks for timestamps of what is received from now on; false where the system has none.</summary>
    public static bool TryEnable(Socket socket)
    {
        if (!OperatingSystem.IsLinux() || !Environment.Is64BitProcess || socket.AddressFamily == AddressFamily.Unix)
        {
            return false;
        }

        try
        {
            int enabled = 1;
            socket.SetRawSocketOption(SocketLevel, Timestamps, new ReadOnlySpan<byte>(&enabled, sizeof(int)));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Takes what is there; false where nothing is.</summary>
    /// <param name="socket">With timestamps enabled.</param>
    /// <param name="buffer">Not empty.</param>
    /// <param name="count">Bytes received; 0 is the end.</param>
    /// <param name="receivedAt">By the system's wall clock; null where the kernel does not say.</param>
    /// <exception cref="IOException">As <see cref="NetworkStream"/> has it: the connection is broken.</exception>
    public static bool TryReceive(Socket socket, Span<byte> buffer, out int count, out DateTimeOffset? receivedAt)
    {
        receivedAt = null;
        count = 0;
        fixed (byte* bytes = buffer)
        {
            while (true)
            {
                ControlMessage control = default;
                var vector = new Vector(bytes, (nuint)buffer.Length);
                var header = new MessageHeader { Vectors = &vector, VectorCount = 1, Control = &control, ControlLength = (nuint)sizeof(ControlMessage) };
                nint received = ReceiveMessage(socket.SafeHandle, &header, DoNotWait);
                if (received >= 0)
                {
                    count = (int)received;
                    if (header.ControlLength != 0 && control is { Level: SocketLevel, Type: Timestamps })
                    {
                        receivedAt = DateTimeOffset.UnixEpoch.AddTicks(
                            (control.Seconds * TimeSpan.TicksPerSecond) + (control.Nanoseconds / TimeSpan.NanosecondsPerTick));
                    }

                    return true;
                }

                int error = Marshal.GetLastPInvokeError();
                if (error == WouldBlock)
                {
                    return false;
                }

                if (error != Interrupted)
                {
                    var code = error switch
                    {
                        ConnectionReset => SocketError.ConnectionReset,
                        TimedOut => SocketError.TimedOut,
                        _ => SocketError.SocketError,
                    };
                    throw new IOException($"Unable to read data from the upstream: {Marshal.GetPInvokeErrorMessage(error)}.", new SocketException((int)code));
                }
            }
        }
    }

    [DllImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint ReceiveMessage(SafeHandle socket, MessageHeader* message, int flags);

    /// <summary><c>struct iovec</c>.</summary>
    private readonly struct Vector(byte* begin, nuint length)
    {
        public readonly byte* Begin = begin;
        public readonly nuint Length = length;
    }

    /// <summary><c>struct msghdr</c>.</summary>
    private struct MessageHeader
    {
        public void* Name;
        public uint NameLength;
        public Vector* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
    }

    /// <summary><c>struct cmsghdr</c> and the <c>struct timespec</c> in it.</summary>
    private struct ControlMessage
    {
        public nuint Length;
        public int Level;
        public int Type;
        public long Seconds;
        public long Nanoseconds;
    }
}
