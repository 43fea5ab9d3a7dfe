using System.Globalization;
using TimingProxy.Benchmarks;
using TimingProxy.Benchmarks.Micro;
using TimingProxy.Benchmarks.Processes;
using TimingProxy.Benchmarks.Profile;
using TimingProxy.Benchmarks.Reporting;
using TimingProxy.Benchmarks.SideBySide;

const string Usage = """
    dotnet run -c Release --project tests/TimingProxy.Benchmarks -- WHAT [full|quick|smoke]

      all           everything but micro; "all full" writes tests/TimingProxy.Benchmarks/results and the figures of README.md and
                    docs/performance.md, anything else writes artifacts/benchmarks
      side-by-side  CPU, latency, throughput, memory and start of nginx, HAProxy, Caddy, bare YARP and TimingProxy
      allocations   bytes allocated a request, against bare YARP
      clock         what they say of upstream time, against the packets (needs tcpdump and the right to capture)
      profile       what TimingProxy's CPU is spent on, by share (needs perf and the right to sample)
      scrape        what being scraped costs where every histogram is full (needs tcpdump, the right to capture, and curl)
      micro         BenchmarkDotNet; its own options follow
      native        writes what the native compiler is told of the proxies at work: which way their code goes (usage.mibc), and in which
                    order to lay it out (methods.order); a quarter of an hour (needs perf and root)
      figures       writes those of README.md and docs/performance.md again, from the last "all full"

    TIMINGPROXY_EXE names the native binary; without it, it is published first. TIMINGPROXY_BEFORE names another one to be measured beside it.

    """;

if (args is ["micro", ..])
{
    HotPathBenchmarks.Run(args[1..]);
    return 0;
}

if (args is ["figures"])
{
    WriteFigures();
    return 0;
}

long begin = TimeProvider.System.GetTimestamp();
void Say(string text) => Console.Error.WriteLine($"{TimeProvider.System.GetElapsedTime(begin).TotalSeconds.ToString("0", CultureInfo.InvariantCulture),5} s  {text}");

if (args is ["native"])
{
    new NativeGuide(Say).Write();
    return 0;
}

Plan[] plans = [Plan.Full, Plan.Quick, Plan.Smoke];
if (args.Length is not (1 or 2)
    || !Enum.TryParse(args[0].Replace("-", "", StringComparison.Ordinal), ignoreCase: true, out Parts parts)
    || plans.FirstOrDefault(known => known.Name == (args.Length > 1 ? args[1] : Plan.Full.Name)) is not { } plan)
{
    await Console.Error.WriteAsync(Usage);
    return 64;
}

var run = new WholeRun(parts, plan, Say);
bool isWhole = true;
try
{
    run.Run();
}
catch (Exception error) when (error is InvalidOperationException or IOException or InvalidDataException)
{
    // What was measured before is not lost, and nothing of it is published.
    isWhole = false;
    run.Notes.Add($"the rest, for the run broke off: {error.Message}");
    await Console.Error.WriteLineAsync(error.ToString());
}

string command = $"dotnet run -c Release --project tests/TimingProxy.Benchmarks -- {args[0]} {plan.Name}";
var report = new Report(command, run.Peers, new Measurements(run.Measurements), [.. run.Notes.Distinct()]);
bool isForKeeps = isWhole && plan == Plan.Full && parts == Parts.All;
string folder = Path.Combine(Programs.Repository, isForKeeps ? "tests/TimingProxy.Benchmarks/results" : "artifacts/benchmarks");
report.Write(folder, parts == Parts.All ? plan.Name : $"{args[0]}-{plan.Name}");
if (isForKeeps)
{
    WriteFigures();
}

await Console.Out.WriteLineAsync(report.Markdown());
Say($"written to {folder}");
return isWhole ? 0 : 1;

static void WriteFigures() => Report.SummaryOf(Path.Combine(Programs.Repository, "tests", "TimingProxy.Benchmarks", "results", "full.json"))
    .WriteInto(Path.Combine(Programs.Repository, "README.md"), Path.Combine(Programs.Repository, "docs", "performance.md"));
