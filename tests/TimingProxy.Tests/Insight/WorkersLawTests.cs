using TimingProxy.Insight;

namespace TimingProxy.Tests.Insight;

public sealed class WorkersLawTests
{
    /// <summary>One worker that is never found idle: nobody starts below two in flight, so nothing is known of a limit of one.</summary>
    [Fact]
    public void Interval_WhereLowerLimitsCouldNotBeJudged_BeginsWithOne()
    {
        LevelWindow[] windows = [.. Enumerable.Range(0, 60).Select(second => Busy(serviceSeconds: second % 2 == 0 ? 0.099 : 0.101))];

        var fit = WorkersLaw.Of(WorkBlocks.Of(windows, windowsPerBlock: 2));

        Assert.Equal(1, fit.Low);
    }

    // Two to four in flight for a second, all waiting for the same worker.
    private static LevelWindow Busy(double serviceSeconds) => new(
    [
        new LevelCell(2, 0.3, 3, 3, 3 * 2 * serviceSeconds, 0),
        new LevelCell(3, 0.4, 4, 4, 4 * 3 * serviceSeconds, 0),
        new LevelCell(4, 0.3, 3, 3, 3 * 4 * serviceSeconds, 0),
    ]);
}
