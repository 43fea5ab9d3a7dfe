using TimingProxy.Insight;

namespace TimingProxy.Tests.Insight;

public sealed class AppTimeTests
{
    private static readonly Verdict Limited = new(VerdictKind.ConcurrencyLimited, new Limit(2, 1.8, 2.2), 0.4, 1.8, 0, null);
    private static readonly Verdict Bound = new(VerdictKind.ServiceTimeBound, null, 0, 20, 0, null);
    private static readonly Verdict Unknown = new(VerdictKind.NotEnoughData, null, 0, 0, 0, "more");

    [Fact]
    public void WaitOutsideOfTheApp_AgreesWithWorkersThatAreBusy()
    {
        var opinion = new AppTime(1000, 60, 40).OpinionOn(Limited);

        Assert.True(opinion!.Value.Agrees);
        Assert.Contains("40 % of upstream time passed before the app began", opinion.Value.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void WaitInsideOfTheApp_IsAPoolOrALock()
    {
        var opinion = new AppTime(1000, 97, 3).OpinionOn(Limited);

        Assert.False(opinion!.Value.Agrees);
        Assert.Contains("a pool or a lock", opinion.Value.Sentence, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(95, 5, true)]
    [InlineData(50, 50, false)]
    public void ServiceBound_AgreesWhereTheTimeIsTheApps(double inside, double outside, bool agrees) =>
        Assert.Equal(agrees, new AppTime(1000, inside, outside).OpinionOn(Bound)!.Value.Agrees);

    [Fact]
    public void WithoutAVerdict_ThereIsNothingToAgreeWith()
    {
        Assert.Null(new AppTime(1000, 1, 1).OpinionOn(Unknown)!.Value.Agrees);
        Assert.Null(new AppTime(99, 1, 1).OpinionOn(Limited));
        Assert.Equal(0, default(AppTime).OutsideShare);
    }
}
