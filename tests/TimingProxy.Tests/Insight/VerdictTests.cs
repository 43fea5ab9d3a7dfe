using TimingProxy.Insight;
using TimingProxy.Tests.Insight.Simulation;

namespace TimingProxy.Tests.Insight;

public sealed class VerdictTests
{
    [Theory]
    [InlineData(1, 0.8)]
    [InlineData(3, 0.85)]
    [InlineData(16, 0.9)]
    internal void Workers_ThatAreAllBusy_AreCounted(int workers, double load)
    {
        var traffic = Simulator.Play(new Scenario(workers, load, Arrivals.Poisson, Service.LogNormal, 0.04, true, Twist.None, 5));

        var verdict = Verdict.Of(traffic.Windows, traffic.Routes);

        Assert.Equal(VerdictKind.ConcurrencyLimited, verdict.Kind);
        Assert.InRange(workers, verdict.Limit!.Value.Low, verdict.Limit.Value.High);
        Assert.Equal(traffic.WaitingShare, verdict.WaitingShare, 0.05);
    }

    [Fact]
    public void SlowDependency_IsNoLimit()
    {
        var traffic = Simulator.Play(new Scenario(0, 8, Arrivals.Poisson, Service.Exponential, 0.03, true, Twist.LongSlowDown, 6));

        var verdict = Verdict.Of(traffic.Windows, traffic.Routes);

        Assert.NotEqual(VerdictKind.ConcurrencyLimited, verdict.Kind);
        Assert.Null(verdict.Limit);
    }

    [Fact]
    public void RequestsOnTheirOwn_AreServiceTimeBound()
    {
        var traffic = Simulator.Play(new Scenario(0, 8, Arrivals.Diurnal, Service.LogNormal, 0.03, true, Twist.None, 6));

        var verdict = Verdict.Of(traffic.Windows, traffic.Routes);

        Assert.Equal(VerdictKind.ServiceTimeBound, verdict.Kind);
        Assert.InRange(verdict.SeenUpTo, 10, 80);
    }

    [Fact]
    public void SerialisedRoute_IsNamed_AndIsNoLimitOfTheBackend()
    {
        var traffic = Simulator.Play(
            new Scenario(1, 0.9, Arrivals.Poisson, Service.Exponential, 0.02, true, Twist.SerialisedRoute, 7, HasRoutes: true));

        var verdict = Verdict.Of(traffic.Windows, traffic.Routes);

        Assert.Equal(VerdictKind.NotEnoughData, verdict.Kind);
        Assert.Contains("/0 waits for something", verdict.Missing, StringComparison.Ordinal);
        Assert.Equal("/0", SharedLine.WaitsAlone(traffic.Routes));
    }

    [Fact]
    public void RoutesInOneLine_WaitTogether()
    {
        var traffic = Simulator.Play(
            new Scenario(3, 0.85, Arrivals.Poisson, Service.Exponential, 0.03, true, Twist.None, 8, HasRoutes: true));

        Assert.Null(SharedLine.WaitsAlone(traffic.Routes));
    }

    [Fact]
    public void Limit_ThatChanged_IsTheLast()
    {
        var traffic = Simulator.Play(new Scenario(2, 0.95, Arrivals.ClosedLoop, Service.Exponential, 0.02, true, Twist.ScaledUp, 9) with { Load = 2.2 });

        var verdict = Verdict.Of(traffic.Windows, traffic.Routes);

        Assert.Equal(VerdictKind.ConcurrencyLimited, verdict.Kind);
        Assert.InRange(verdict.Since, 140, 160);
        Assert.InRange(4, verdict.Limit!.Value.Low, verdict.Limit.Value.High);
    }

    [Fact]
    public void OneClient_AtATime_IsNotEnough()
    {
        var traffic = Simulator.Play(new Scenario(1, 0.5, Arrivals.ClosedLoop, Service.Exponential, 0.02, true, Twist.None, 10));

        var verdict = Verdict.Of(traffic.Windows, traffic.Routes);

        Assert.Equal(VerdictKind.NotEnoughData, verdict.Kind);
        Assert.NotNull(verdict.Missing);
    }

    [Fact]
    public void NoTraffic_SaysHowMuchIsNeeded()
    {
        var verdict = Verdict.Of([], []);

        Assert.Equal(VerdictKind.NotEnoughData, verdict.Kind);
        Assert.Contains("at least 300 in 20", verdict.Missing, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Service.Exponential, true)]
    [InlineData(Service.Constant, true)]
    [InlineData(Service.Bimodal, false)]
    internal void WorkersLaw_HoldsAtTheTrueLimit_WhateverServiceAndOrder(Service service, bool isFifo)
    {
        var traffic = Simulator.Play(new Scenario(4, 0.8, Arrivals.Poisson, service, 0.02, isFifo, Twist.None, 11));

        var fit = WorkersLaw.Of(WorkBlocks.Of(traffic.Windows.ToArray(), 4));

        Assert.Equal(4, fit.Estimate, 0.4);
        Assert.True(fit.Dip < 0.95);
    }

    [Fact]
    public void WorkersLaw_WithoutALimit_NowhereDips()
    {
        var traffic = Simulator.Play(new Scenario(0, 6, Arrivals.Poisson, Service.Bimodal, 0.03, true, Twist.None, 12));

        var fit = WorkersLaw.Of(WorkBlocks.Of(traffic.Windows.ToArray(), 4));

        Assert.Equal(0, fit.Significance);
        Assert.InRange(fit.Dip, 0.99, 1);
        Assert.InRange(fit.Low, 8, 25);
    }
}
