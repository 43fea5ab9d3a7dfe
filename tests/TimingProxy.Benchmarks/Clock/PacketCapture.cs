using System.Buffers.Binary;
using System.Globalization;
using System.Text.RegularExpressions;
using TimingProxy.Benchmarks.Processes;

namespace TimingProxy.Benchmarks.Clock;

/// <summary>
/// Upstream times by the packets on loopback: from the one that carries a request's head to the backend until the first that carries its
/// answer. Requests are told apart by their path, <c>/clock/NUMBER</c>.
/// </summary>
internal sealed partial class PacketCapture : IDisposable
{
    private const uint NanosecondMagic = 0xa1b23c4d;
    private const int FileHeader = 24;
    private const int PacketHeader = 16;
    private const int Ethernet = 14;
    private const int Tcp = 6;

    // The path is within the first bytes of a request.
    private const int SnapLength = 160;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

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
        while (!process.NextError(Patience).Contains("listening on", StringComparison.Ordinal))
        {
            // What it says before.
        }

        return new PacketCapture(process, file, backend);
    }

    /// <summary>Ends the capture when it has all that the kernel has seen. Milliseconds by number of the request.</summary>
    public IReadOnlyDictionary<int, double> Stop()
    {
        // The kernel hands over what it has gathered once a second, and what was not handed over is lost with the end of tcpdump, which
        // tells how far it is when it gets this signal.
        while (!HasAll(_tcpdump.NextError(Patience, () => _tcpdump.Signal("USR1"))))
        {
            // Asked again.
        }

        _tcpdump.Interrupt();
        return Read(File.ReadAllBytes(_file), _backend);
    }

    public void Dispose() => _tcpdump.Dispose();

    /// <param name="report">Of tcpdump: <c>12 packets captured, 24 packets received by filter, 0 packets dropped by kernel</c>.</param>
    internal static bool HasAll(string report)
    {
        var match = Report().Match(report);
        // The filter sees each packet on loopback twice, on its way out and on its way in.
        return match.Success && 2 * (Number(1) + Number(3)) >= Number(2);

        long Number(int group) => long.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);
    }

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

    [GeneratedRegex(@"(\d+) packets? captured, (\d+) packets? received by filter, (\d+) packets? dropped by kernel")]
    private static partial Regex Report();

    private static int? IdOf(ReadOnlySpan<byte> request)
    {
        var start = "GET /clock/"u8;
        return request.StartsWith(start) && System.Buffers.Text.Utf8Parser.TryParse(request[start.Length..], out int id, out _) ? id : null;
    }
}
