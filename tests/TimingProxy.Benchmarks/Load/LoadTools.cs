using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using TimingProxy.Benchmarks.Processes;

namespace TimingProxy.Benchmarks.Load;

/// <summary>What a load generator has done.</summary>
/// <param name="Seconds">How long it took, by its own word.</param>
internal readonly record struct LoadResult(long Requests, double Seconds);

/// <summary>The load generators of the system's: as many requests as the connections can carry.</summary>
internal static partial class LoadTools
{
    /// <param name="meanwhile">Called when most of the time is over, and the load still on.</param>
    /// <exception cref="InvalidOperationException">An answer was no 2xx, or a connection failed.</exception>
    public static LoadResult Wrk(string address, int connections, double seconds, Action? meanwhile = null, params string[] more)
    {
        string output = Run("wrk", seconds, meanwhile, ["-t1", $"-c{connections}", $"-d{Whole(seconds)}s", .. more, address]);
        if (output.Contains("Non-2xx", StringComparison.Ordinal) || output.Contains("Socket errors", StringComparison.Ordinal))
        {
            throw new InvalidOperationException(output);
        }

        var match = WrkTotal().Match(output);
        return new LoadResult(Number(match.Groups[1].Value), ParseSeconds(match.Groups[2].Value));
    }

    /// <summary>HTTP/2 with prior knowledge, one stream at a time on each connection.</summary>
    public static LoadResult H2Load(string address, int connections, double seconds)
    {
        string output = Run("h2load", seconds, null, ["-t1", $"-c{connections}", "-m1", $"-D{Whole(seconds)}", address]);
        var match = H2LoadTotal().Match(output);
        long done = match.Success ? Number(match.Groups[1].Value) : 0;
        if (done == 0 || Number(match.Groups[2].Value) != 0)
        {
            throw new InvalidOperationException(output);
        }

        return new LoadResult(done, Whole(seconds));
    }

    private static int Whole(double seconds) => Math.Max(1, (int)Math.Round(seconds));

    private static string Run(string tool, double seconds, Action? meanwhile, string[] arguments)
    {
        string path = Programs.Find(tool) ?? throw new InvalidOperationException($"{tool} is not installed: apt-get install {(tool == "h2load" ? "nghttp2-client" : tool)}");
        using var process = Process.Start(new ProcessStartInfo(path, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        // Each by itself from the beginning: who writes much to the one that is not read waits for ever.
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        if (meanwhile is not null)
        {
            if (!process.WaitForExit(TimeSpan.FromSeconds(Whole(seconds) * 0.8)))
            {
                meanwhile();
            }
        }

        process.WaitForExit();
        string text = output.GetAwaiter().GetResult();
        string complaints = errors.GetAwaiter().GetResult();
        return process.ExitCode == 0 ? text : throw new InvalidOperationException($"{tool} {string.Join(' ', arguments)}: {text}{complaints}");
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);

    private static double ParseSeconds(string text) =>
        text.EndsWith("ms", StringComparison.Ordinal) ? double.Parse(text[..^2], CultureInfo.InvariantCulture) / 1000
        : text.EndsWith('m') ? double.Parse(text[..^1], CultureInfo.InvariantCulture) * 60
        : double.Parse(text[..^1], CultureInfo.InvariantCulture);

    [GeneratedRegex(@"(\d+) requests in ([\d.]+(?:ms|s|m)),")]
    private static partial Regex WrkTotal();

    [GeneratedRegex(@"requests: .*?(\d+) succeeded, (\d+) failed")]
    private static partial Regex H2LoadTotal();
}
