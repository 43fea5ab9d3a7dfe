using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace TimingProxy.Benchmarks.Load;

/// <summary>What became of one request. Times are in microseconds; <see cref="RenderMs"/> is what the answer's header says, NaN for nothing.</summary>
internal readonly record struct Sample(int Id, double LatencyUs, double RenderMs);

/// <summary>
/// Sends requests at a constant rate, whatever becomes of those before: each has a moment at which it is due, and its latency counts from
/// that moment, also where no connection was free (no coordinated omission). Or, without a rate, keeps every connection busy.
/// </summary>
/// <remarks>One thread that sleeps until something is due or has come, and allocates nothing while it runs.</remarks>
internal sealed class RateClient(int port, int connections)
{
    // More than this loopback and one core do not give.
    private const int MostPerSecond = 60_000;

    private readonly byte[][] _buffers = [.. Enumerable.Range(0, connections).Select(_ => new byte[16 * 1024])];
    private readonly int[] _filled = new int[connections];
    private readonly int[] _ids = new int[connections];
    private readonly long[] _due = new long[connections];
    private readonly int[] _free = new int[connections];
    private int _freeCount;

    /// <param name="path">The path of the request with a number.</param>
    /// <param name="perSecond">0 keeps every connection busy.</param>
    /// <param name="warmUp">Its samples are left out; they do not begin before the connections are used.</param>
    public Sample[] Run(Func<int, string> path, double perSecond, TimeSpan warmUp, TimeSpan duration)
    {
        Native.WakeOnTime();
        var sockets = Connect();
        try
        {
            int most = (int)((warmUp + duration).TotalSeconds * (perSecond > 0 ? perSecond : MostPerSecond));
            byte[][] requests = [.. Enumerable.Range(0, most).Select(id => Request(path(id)))];
            return Run([.. sockets.Select(socket => (int)socket.Handle)], requests, perSecond, warmUp, duration);
        }
        finally
        {
            foreach (var socket in sockets)
            {
                socket.Dispose();
            }
        }
    }

    private Sample[] Run(int[] sockets, byte[][] requests, double perSecond, TimeSpan warmUp, TimeSpan duration)
    {
        int most = requests.Length;
        using var poll = Native.CreatePoll();
        _freeCount = connections;
        for (int i = 0; i < connections; i++)
        {
            _free[i] = i;
            Native.Watch(poll, sockets[i], i);
        }

        var samples = new Sample[most];
        int taken = 0;
        int next = 0;
        int open = 0;
        var events = new Native.Event[connections];
        double ticksApart = perSecond > 0 ? Stopwatch.Frequency / perSecond : 0;
        long begin = Stopwatch.GetTimestamp();
        long warm = begin + (long)(warmUp.TotalSeconds * Stopwatch.Frequency);
        long end = warm + (long)(duration.TotalSeconds * Stopwatch.Frequency);
        // Requests that are under way at the end are waited for, a second at most.
        while (true)
        {
            long now = Stopwatch.GetTimestamp();
            while (now < end && next < most && _freeCount > 0 && begin + (long)(next * ticksApart) <= now)
            {
                int i = _free[--_freeCount];
                _ids[i] = next;
                _due[i] = ticksApart > 0 ? begin + (long)(next * ticksApart) : now;
                Native.Send(sockets[i], requests[next]);
                next++;
                open++;
            }

            bool allSent = now >= end || next >= most;
            if (allSent && (open == 0 || now > end + Stopwatch.Frequency))
            {
                return samples[..taken];
            }

            long wake = allSent ? end + Stopwatch.Frequency
                : _freeCount > 0 && ticksApart > 0 ? Math.Min(end, begin + (long)(next * ticksApart)) : end;
            int count = Native.Wait(poll, events, Math.Max(0, wake - now) * 1_000_000_000 / Stopwatch.Frequency);
            now = Stopwatch.GetTimestamp();
            for (int e = 0; e < count; e++)
            {
                int i = events[e].Data;
                if (Receive(sockets[i], i) is not { } render)
                {
                    continue;
                }

                if (_due[i] >= warm && taken < samples.Length)
                {
                    samples[taken++] = new Sample(_ids[i], (now - _due[i]) * 1e6 / Stopwatch.Frequency, render);
                }

                _free[_freeCount++] = i;
                open--;
            }
        }
    }

    /// <summary>The timing header of an answer that has now all come, else null.</summary>
    private double? Receive(int socket, int i)
    {
        int count = Native.Receive(socket, _buffers[i].AsSpan(_filled[i]));
        if (count <= 0)
        {
            throw new IOException("The proxy closed a connection.");
        }

        _filled[i] += count;
        var bytes = _buffers[i].AsSpan(0, _filled[i]);
        int length = Answer.Length(bytes);
        if (length == 0)
        {
            return null;
        }

        _filled[i] = 0;
        return Answer.RenderMs(bytes[..length]);
    }

    private Socket[] Connect() =>
    [
        .. Enumerable.Range(0, connections).Select(_ =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            socket.Connect(IPAddress.Loopback, port);
            return socket;
        }),
    ];

    private byte[] Request(string path) => System.Text.Encoding.Latin1.GetBytes($"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n");
}
