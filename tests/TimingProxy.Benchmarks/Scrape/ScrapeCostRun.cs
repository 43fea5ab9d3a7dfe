using System.Diagnostics;
using System.Globalization;
using TimingProxy.Benchmarks.Clock;
using TimingProxy.Benchmarks.Load;
using TimingProxy.Benchmarks.Processes;
using TimingProxy.Benchmarks.Reporting;
using TimingProxy.Benchmarks.SideBySide;

namespace TimingProxy.Benchmarks.Scrape;

/// <summary>
/// What it costs to be scraped every five seconds where every histogram has as many series as it may have: CPU, latency at 1,000 requests a
/// second, and the error of the clock.
/// </summary>
internal sealed class ScrapeCostRun(Peer timingProxy, int backend, string curl, Plan plan, Programs programs, Action<string> say)
{
    public const string With = "scraped every 5 s";
    public const string Without = "not scraped";
    public const string Alone = "a scrape alone";

    private const int Series = 1000;
    private const int Rate = 1000;
    private const int Scrapes = 11;
    private const int AnswersToAdmit = 20;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    // Longer than an answer is used again.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    public IReadOnlyList<Measurement> Run()
    {
        string settings = programs.Write("full-house.json", FullHouse());
        using var process = RunningProcess.Start(timingProxy.Binary!, "--config", settings);
        Peers.Await(timingProxy.Ports.Plain);
        Fill();

        say(Alone);
        var measurements = new List<Measurement> { new(Alone, timingProxy.Name, 0, MeasureAloneAsync(process).GetAwaiter().GetResult()) };
        for (int round = 0; round < plan.Rounds; round++)
        {
            foreach (bool isScraped in new[] { round % 2 == 0, round % 2 != 0 })
            {
                say(isScraped ? With : Without);
                measurements.Add(new Measurement(isScraped ? With : Without, timingProxy.Name, round, Measure(process, isScraped)));
            }
        }

        return measurements;
    }

    /// <summary>The CPU of a scrape while nothing else is asked (median), and what that is of a core at one every five seconds.</summary>
    private async Task<Dictionary<string, double>> MeasureAloneAsync(RunningProcess process)
    {
        using var timer = new PeriodicTimer(Pause);
        double[] costs = new double[Scrapes];
        for (int i = 0; i < Scrapes; i++)
        {
            double before = process.CpuMicroseconds();
            await ScrapeAsync();
            await timer.WaitForNextTickAsync();
            costs[i] = process.CpuMicroseconds() - before;
        }

        double median = costs.Order().ElementAt(Scrapes / 2);
        return new() { ["scrape_cpu_ms"] = median / 1000, ["cpu_share_percent"] = median / Interval.TotalMicroseconds * 100 };
    }

    private Dictionary<string, double> Measure(RunningProcess process, bool isScraped)
    {
        using var stop = new CancellationTokenSource();
        var scraper = isScraped ? Task.Run(() => ScrapeAsync(stop.Token)) : Task.FromResult((Count: 0, Bytes: 0L));
        double before = process.CpuMicroseconds();
        long begin = Stopwatch.GetTimestamp();
        // The turn's plan is the clock's, for as long as this one.
        var clock = new ClockErrorRun([timingProxy], plan with { ClockSeconds = plan.ScrapeSeconds }, programs, say);
        var figures = clock.Measure(timingProxy, backend, Rate, 32);
        figures["cpu_share_percent"] = (process.CpuMicroseconds() - before) / Stopwatch.GetElapsedTime(begin).TotalMicroseconds * 100;
        stop.Cancel();
        var (count, bytes) = scraper.GetAwaiter().GetResult();
        figures["scrapes"] = count;
        figures["scrape_mb"] = count == 0 ? 0 : bytes / 1e6 / count;
        figures["resident_mb"] = process.ResidentMegabytes();
        return figures;
    }

    private async Task<(int Count, long Bytes)> ScrapeAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(Interval);
        int count = 0;
        long bytes = 0;
        try
        {
            // In the middle of it: a turn has as many scrapes as intervals.
            await Task.Delay(Interval / 2, stop);
            do
            {
                bytes += await ScrapeAsync();
                count++;
            }
            while (await timer.WaitForNextTickAsync(stop));
        }
        catch (OperationCanceledException)
        {
        }

        return (count, bytes);
    }

    /// <summary>
    /// By another process, as a scraper is: megabytes that are read in this one would have its garbage collected, and the client of the load stop meanwhile.
    /// </summary>
    private async Task<long> ScrapeAsync()
    {
        string[] arguments = ["--silent", "--show-error", "--fail", "--output", "/dev/null", "--write-out", "%{size_download}", $"http://127.0.0.1:{timingProxy.AdminPort}/metrics"];
        using var scraper = Process.Start(new ProcessStartInfo(curl, arguments) { RedirectStandardOutput = true })!;
        string size = await scraper.StandardOutput.ReadToEndAsync();
        await scraper.WaitForExitAsync();
        return scraper.ExitCode == 0
            ? long.Parse(size, CultureInfo.InvariantCulture)
            : throw new InvalidOperationException($"The scrape failed: curl {string.Join(' ', arguments)} ended with {scraper.ExitCode}.");
    }

    /// <summary>A thousand templates of ten words on three levels, each answered often enough to be learned.</summary>
    private void Fill() =>
        new RateClient(timingProxy.Ports.Plain, 32).Run(PathOf, 2000, TimeSpan.Zero, TimeSpan.FromSeconds((Series * (AnswersToAdmit + 2) / 2000) + 1));

    private static string PathOf(int id)
    {
        static char Word(int number) => (char)('a' + (number % 10));
        return $"/full{Word(id)}/house{Word(id / 10)}/with{Word(id / 100)}";
    }

    private string FullHouse() => Configurations.TimingProxy(programs, timingProxy.Ports, timingProxy.AdminPort, backend).Replace(
        "\"Upstream\"",
        string.Create(CultureInfo.InvariantCulture, $"\"Metrics\": {{ \"LearnRoutes\": true, \"MaxRoutes\": {Series}, \"MaxSeries\": {Series} }}, \"Upstream\""),
        StringComparison.Ordinal);
}
