using System.Buffers.Binary;
using System.Globalization;
using TimingProxy.Benchmarks.Processes;

namespace TimingProxy.Benchmarks.Clock;

/// <summary>
/// Upstream times by the packets on loopback: from the one that carries a request's head to the backend until the first that carries its
/// answer. Requests are told apart by their path, <c>/clock/NUMBER</c>.
/// </summary>
internal sealed class PacketCapture : IDisposable
{
    private const uint NanosecondMagic = 0xa1b23c4d;
    private const int FileHeader = 24;
    private const int PacketHeader = 16;
    private const int Ethernet = 14;
    private const int Tcp = 6;

    // The path is within the first bytes of a request.
    private const int SnapLength = 160;

    private readonly RunningProcess _tcpdump;
    private readonly string _file;
    private readonly int _backend;

    private PacketCapture(RunningProcess tcpdump, string file, int backend)
    {
        _tcpdump = tcpdump;
        _file = file;
        _backend = backend;
    }

    public static PacketCapture Start(Programs programs, int backend)
    {
        string tcpdump = Programs.Find("tcpdump") ?? throw new InvalidOperationException("tcpdump is not installed: apt-get install tcpdump");
        string file = programs.PathOf("packets.pcap");
        File.Delete(file);
        var process = RunningProcess.Start(
            tcpdump, "-i", "lo", "-n", "-s", SnapLength.ToString(CultureInfo.InvariantCulture), "-B", "65536", "--time-stamp-precision=nano",
            "-w", file, string.Create(CultureInfo.InvariantCulture, $"tcp port {backend}"));
        for (int wait = 0; !File.Exists(file); wait++)
        {
            if (process.HasExited || wait > 200)
            {
                throw new InvalidOperationException($"tcpdump does not capture: {process.LastError}");
            }

            Thread.Sleep(20);
        }

        return new PacketCapture(process, file, backend);
    }

    /// <summary>Ends the capture. Milliseconds by number of the request.</summary>
    public IReadOnlyDictionary<int, double> Stop()
    {
        _tcpdump.Interrupt();
        return Read(File.ReadAllBytes(_file), _backend);
    }

    public void Dispose() => _tcpdump.Dispose();

    internal static IReadOnlyDictionary<int, double> Read(ReadOnlySpan<byte> file, int backend)
    {
        if (file.Length < FileHeader || BinaryPrimitives.ReadUInt32LittleEndian(file) != NanosecondMagic)
        {
            throw new InvalidDataException("Not a capture with nanoseconds.");
        }

        var waiting = new Dictionary<int, (int Id, long Sent)>();
        var times = new Dictionary<int, double>();
        for (var rest = file[FileHeader..]; rest.Length >= PacketHeader;)
        {
            long at = (BinaryPrimitives.ReadUInt32LittleEndian(rest) * 1_000_000_000L) + BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]);
            int captured = (int)BinaryPrimitives.ReadUInt32LittleEndian(rest[8..]);
            if (rest.Length < PacketHeader + captured)
            {
                break;
            }

            Note(rest.Slice(PacketHeader, captured), at, backend, waiting, times);
            rest = rest[(PacketHeader + captured)..];
        }

        return times;
    }

    private static void Note(ReadOnlySpan<byte> packet, long at, int backend, Dictionary<int, (int Id, long Sent)> waiting, Dictionary<int, double> times)
    {
        var ip = packet[Ethernet..];
        if (ip.Length < 20 || ip[9] != Tcp)
        {
            return;
        }

        var tcp = ip[((ip[0] & 15) * 4)..];
        int from = BinaryPrimitives.ReadUInt16BigEndian(tcp);
        int to = BinaryPrimitives.ReadUInt16BigEndian(tcp[2..]);
        int header = (tcp[12] >> 4) * 4;
        // By the packet's own word: what was captured of it may be cut, or padded.
        int payload = BinaryPrimitives.ReadUInt16BigEndian(ip[2..]) - ((ip[0] & 15) * 4) - header;
        if (payload <= 0)
        {
            return;
        }

        if (to == backend)
        {
            if (IdOf(tcp[header..]) is { } id)
            {
                waiting[from] = (id, at);
            }
        }
        else if (from == backend && waiting.Remove(to, out var request))
        {
            times[request.Id] = (at - request.Sent) / 1e6;
        }
    }

    private static int? IdOf(ReadOnlySpan<byte> request)
    {
        var start = "GET /clock/"u8;
        return request.StartsWith(start) && System.Buffers.Text.Utf8Parser.TryParse(request[start.Length..], out int id, out _) ? id : null;
    }
}
