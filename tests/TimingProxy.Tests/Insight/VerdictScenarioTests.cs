using System.Globalization;
using System.Text;
using TimingProxy.Insight;
using TimingProxy.Tests.Insight.Simulation;

namespace TimingProxy.Tests.Insight;

/// <summary>Holds the verdict against simulated traffic of backends whose limit is known.</summary>
/// <remarks>
/// False is: limited where there is no limit; service-bound where load reached the limit; service-bound up to a number that is above the limit.
/// Load reached the limit where requests waited for a worker during a tenth of the busy time.
/// </remarks>
public sealed class VerdictScenarioTests(ITestOutputHelper output)
{
    private const int DefaultSeed = 1000;
    private const double Reached = 0.1;

    [Fact]
    public void Verdict_OverScenarios_KeepsItsPromises()
    {
        int seed = int.Parse(Environment.GetEnvironmentVariable("SCENARIO_SEED") ?? $"{DefaultSeed}", CultureInfo.InvariantCulture);
        var results = Scenarios.All(seed).AsParallel().AsOrdered().Select(Judge).ToList();

        var reached = results.Where(result => result.Scenario.IsLimited && result.Reached >= Reached).ToList();
        var unreached = results.Where(result => result.Scenario.IsLimited && result.Reached < Reached).ToList();
        var unlimited = results.Where(result => !result.Scenario.IsLimited).ToList();
        var wrong = results.Where(IsFalse).ToList();
        var silent = reached.Where(result => result.Verdict.Kind == VerdictKind.NotEnoughData).ToList();
        var limited = reached.Concat(unreached).Where(result => result.Verdict.Kind == VerdictKind.ConcurrencyLimited).ToList();
        var missed = limited.Where(result => !Covers(result)).ToList();

        var table = new StringBuilder();
        Line("", "limited", "service-bound", "not enough");
        Row("limit reached", reached);
        Row("limit not reached", unreached);
        Row("no limit", unlimited);
        table.Append(
            CultureInfo.InvariantCulture,
            $"seed {seed}, {results.Count} scenarios: false {wrong.Count}, silent {silent.Count} of {reached.Count}, W in its interval {limited.Count - missed.Count} of {limited.Count}\n");
        List("false", wrong);
        List("silent", silent);
        List("missed", missed);
        output.WriteLine(table.ToString());
        TestContext.Current.AddAttachment("confusion table", table.ToString());

        Assert.True(results.Count >= 300);
        Assert.True(wrong.Count <= results.Count * 0.01, table.ToString());
        Assert.True(silent.Count <= reached.Count * 0.2, table.ToString());
        Assert.True(limited.Count - missed.Count >= limited.Count * 0.9, table.ToString());

        void Row(string name, List<Result> row) => Line(
            name, Count(row, VerdictKind.ConcurrencyLimited), Count(row, VerdictKind.ServiceTimeBound), Count(row, VerdictKind.NotEnoughData));

        void Line(string name, string first, string second, string third) =>
            table.Append(CultureInfo.InvariantCulture, $"{name,-20}{first,14}{second,14}{third,14}\n");

        void List(string name, List<Result> list) => table.AppendJoin("", list.Select(result =>
            string.Create(CultureInfo.InvariantCulture, $"{name}: {result.Scenario.Name}, waited {result.Reached:P0}: {result.Verdict}\n")));
    }

    [Fact]
    public void MoreWorkers_OverScenarios_GiveAboutWhatIsPredicted()
    {
        var ratios = new List<(double P50, double P99)>();
        foreach (int workers in (int[])[1, 2, 4, 8])
        {
            for (int seed = 40; seed < 46; seed++)
            {
                var scenario = new Scenario(workers, 0.8, Arrivals.Poisson, Service.Exponential, 0.03, true, Twist.None, seed);
                var traffic = Simulator.Play(scenario);
                // The same arrivals, to one worker more.
                var more = Simulator.Play(scenario with { Workers = workers + 1, Load = scenario.Load * workers / (workers + 1) });

                var (predicted, _) = MoreWorkers.Predict(traffic.Windows, workers, QuantilesOf(traffic));

                var actual = QuantilesOf(more);
                ratios.Add((predicted.P50Ms / actual.P50Ms, predicted.P99Ms / actual.P99Ms));
                Assert.True(predicted.P99Ms < QuantilesOf(traffic).P99Ms);
            }
        }

        // One run of five minutes has a p99 that another would not have: what counts is the middle of many.
        output.WriteLine(string.Join("; ", ratios.Select(ratio => $"{ratio.P50:0.00} {ratio.P99:0.00}")));
        Assert.InRange(ratios.Select(ratio => ratio.P50).Order().ElementAt(ratios.Count / 2), 0.8, 1.25);
        Assert.InRange(ratios.Select(ratio => ratio.P99).Order().ElementAt(ratios.Count / 2), 0.75, 1.33);
    }

    private static Result Judge(Scenario scenario)
    {
        var traffic = Simulator.Play(scenario);
        return new Result(scenario, Verdict.Of(traffic.Windows, traffic.Routes), traffic.ShareAboveLimit);
    }

    private static bool IsFalse(Result result) => result.Verdict.Kind switch
    {
        VerdictKind.ConcurrencyLimited => !result.Scenario.IsLimited,
        // A quarter and one: "up to so many" is rounded.
        VerdictKind.ServiceTimeBound => result.Scenario.IsLimited
            && (result.Reached >= Reached || result.Verdict.SeenUpTo > (1.25 * result.Scenario.Limit) + 1),
        _ => false,
    };

    private static bool Covers(Result result) =>
        result.Verdict.Limit is { } limit && limit.Low <= result.Scenario.Limit && result.Scenario.Limit <= limit.High;

    private static string Count(List<Result> results, VerdictKind kind) =>
        results.Count(result => result.Verdict.Kind == kind).ToString(CultureInfo.InvariantCulture);

    private static Quantiles QuantilesOf(Traffic traffic)
    {
        double[] sorted = [.. traffic.Latencies.Order()];
        return new Quantiles(1000 * sorted[sorted.Length / 2], 1000 * sorted[(int)(sorted.Length * 0.99)]);
    }

    private sealed record Result(Scenario Scenario, Verdict Verdict, double Reached);
}
