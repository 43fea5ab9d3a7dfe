using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;

namespace TimingProxy.Hosting;

/// <summary>
/// Closes listeners without a loss. A client's connection is made by the system, before anybody accepts it, and closing a listener resets
/// those that wait there, with the requests they carry. So a listener (1) takes no new connections any more, (2) is accepted from until
/// nobody waits, (3) is closed.
/// </summary>
/// <remarks>
/// For (1) a filter of the socket drops each SYN: its client tries again after a moment and is refused, or reaches who listens then. Systems
/// other than Linux, and Unix sockets, have no such filter and do without (1).
/// </remarks>
internal sealed class PatientListeners : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    // More than anybody waits: a listener that is still asked for after this long is closed all the same.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(2);

    private readonly ConcurrentDictionary<EndPoint, Socket> _sockets = new(ReferenceEqualityComparer.Instance);
    private readonly SocketTransportFactory _transport;
    private readonly TimeProvider _time;

    public PatientListeners(IOptions<SocketTransportOptions> options, ILoggerFactory logging, TimeProvider time)
    {
        var create = options.Value.CreateBoundListenSocket;
        options.Value.CreateBoundListenSocket = endPoint => _sockets[endPoint] = create(endPoint);
        _transport = new SocketTransportFactory(options, logging);
        _time = time;
    }

    public bool CanBind(EndPoint endpoint) => _transport.CanBind(endpoint);

    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        await StaleSocket.RemoveAsync(endpoint, cancellationToken);
        var listener = await _transport.BindAsync(endpoint, cancellationToken);
        return _sockets.TryRemove(endpoint, out var socket) ? new PatientListener(listener, socket, _time) : listener;
    }

    private sealed class PatientListener(IConnectionListener inner, Socket socket, TimeProvider time) : IConnectionListener
    {
        public EndPoint EndPoint => inner.EndPoint;

        public ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default) => inner.AcceptAsync(cancellationToken);

        public async ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            // (1)
            SynFilter.Attach(socket);
            // (2)
            long begin = time.GetTimestamp();
            while (!cancellationToken.IsCancellationRequested && SomebodyWaits() && time.GetElapsedTime(begin) < Patience)
            {
                // Without the token: when the host has no more time, (3) is to come at once, and not to be left out.
                await Task.Delay(LookAgain, time, CancellationToken.None);
            }

            // (3)
            await inner.UnbindAsync(cancellationToken);
        }

        public ValueTask DisposeAsync() => inner.DisposeAsync();

        private bool SomebodyWaits()
        {
            try
            {
                return socket.Poll(TimeSpan.Zero, SelectMode.SelectRead);
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                return false;
            }
        }
    }

    /// <summary>A classic BPF program (Linux, <c>SO_ATTACH_FILTER</c>, socket(7)) that drops TCP segments that open a connection.</summary>
    private static class SynFilter
    {
        private const int SocketLevel = 1;
        private const int AttachFilter = 26;
        private const int InstructionLength = 8;

        // The filter of a listening socket sees segments from their TCP header on; its byte 13 has the flags (RFC 9293 section 3.1), 0x02 is SYN.
        private static readonly (ushort Code, byte IfTrue, byte IfFalse, uint Operand)[] Program =
        [
            (0x30, 0, 0, 13),         // load byte 13
            (0x45, 0, 1, 0x02),       // is the bit set?
            (0x06, 0, 0, 0),          // then take nothing of it
            (0x06, 0, 0, 0x40000),    // else all
        ];

        public static void Attach(Socket socket)
        {
            if (!OperatingSystem.IsLinux() || socket.AddressFamily is not (AddressFamily.InterNetwork or AddressFamily.InterNetworkV6))
            {
                return;
            }

            byte[] program = new byte[Program.Length * InstructionLength];
            for (int i = 0; i < Program.Length; i++)
            {
                var at = program.AsSpan(i * InstructionLength);
                BinaryPrimitives.WriteUInt16LittleEndian(at, Program[i].Code);
                (at[2], at[3]) = (Program[i].IfTrue, Program[i].IfFalse);
                BinaryPrimitives.WriteUInt32LittleEndian(at[4..], Program[i].Operand);
            }

            var pinned = GCHandle.Alloc(program, GCHandleType.Pinned);
            try
            {
                // struct sock_fprog: the number of instructions, padding to a pointer, the instructions.
                byte[] option = new byte[2 * IntPtr.Size];
                BinaryPrimitives.WriteUInt16LittleEndian(option, (ushort)Program.Length);
                BinaryPrimitives.WriteInt64LittleEndian(option.AsSpan(IntPtr.Size), pinned.AddrOfPinnedObject());
                socket.SetRawSocketOption(SocketLevel, AttachFilter, option);
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                // Only (1) is missing: the few connections of the last moment may be reset.
            }
            finally
            {
                pinned.Free();
            }
        }
    }
}
