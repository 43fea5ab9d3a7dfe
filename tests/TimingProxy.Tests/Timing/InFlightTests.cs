using Microsoft.Extensions.Time.Testing;
using TimingProxy.Timing;

namespace TimingProxy.Tests.Timing;

public sealed class InFlightTests
{
    [Fact]
    public void Levels_EveryNumber_LiesWithinTheBoundsOfItsLevel()
    {
        for (int inFlight = 0; inFlight <= InFlightLevels.LastCounted; inFlight++)
        {
            int level = InFlightLevels.IndexOf(inFlight);
            Assert.InRange(inFlight, InFlightLevels.LowerBound(level), InFlightLevels.UpperBound(level));
        }

        Assert.Equal(InFlightLevels.Count - 1, InFlightLevels.IndexOf(InFlightLevels.LastCounted));
        Assert.Equal(InFlightLevels.Count - 1, InFlightLevels.IndexOf(int.MaxValue));
    }

    [Fact]
    public void Levels_Bounds_FollowEachOther()
    {
        for (int level = 1; level < InFlightLevels.Count; level++)
        {
            Assert.Equal(InFlightLevels.UpperBound(level - 1) + 1, InFlightLevels.LowerBound(level));
        }

        Assert.Equal([64, 96, 128, 192], Enumerable.Range(InFlightLevels.LastExact, 4).Select(InFlightLevels.UpperBound));
    }

    [Fact]
    public void Ledger_KnownStory_HasTheTimeAtEachLevel()
    {
        var time = new FakeTimeProvider();
        var clock = new RequestClock(time);
        var ledger = new InFlightLedger(clock);
        void Pass(int ms) => time.Advance(TimeSpan.FromMilliseconds(ms));

        Pass(5);
        Assert.Equal(1, ledger.Arrive(clock.Now));
        Pass(10);
        Assert.Equal(2, ledger.Arrive(clock.Now));
        Pass(20);
        ledger.Depart(clock.Now, 30, arrivedAs: 1);
        Pass(7);
        ledger.Leave(clock.Now);
        Pass(3);

        var totals = new LevelTotals[InFlightLevels.Count];
        Assert.True(ledger.TryRead(totals, out _, out _));
        Assert.Equal(0, ledger.InFlight);
        Assert.Equal([8, 17, 20], totals.Take(3).Select(level => (int)Math.Round(clock.ToMilliseconds(level.Ticks))));
        Assert.Equal([0L, 0L, 1L], totals.Take(3).Select(level => level.Departures));
        // A departure counts where it happened; an answer, and its time, where the request had arrived.
        Assert.Equal([0L, 1L, 0L], totals.Take(3).Select(level => level.Answers));
        Assert.Equal([0L, 30L, 0L], totals.Take(3).Select(level => level.UpstreamTicks));
    }

    [Fact]
    public void Ledger_Squares_AddUpWhereTheRequestsArrived()
    {
        var clock = new RequestClock(new FakeTimeProvider());
        var ledger = new InFlightLedger(clock);
        ledger.Arrive(clock.Now);
        ledger.Arrive(clock.Now);
        ledger.Arrive(clock.Now);

        // In units of 10 µs: 5000, 2 and 6,000,000.
        ledger.Depart(clock.Now, clock.FromTimeSpan(TimeSpan.FromMilliseconds(50)), arrivedAs: 1);
        ledger.Depart(clock.Now, clock.FromTimeSpan(TimeSpan.FromMicroseconds(20)), arrivedAs: 1);
        ledger.Depart(clock.Now, clock.FromTimeSpan(TimeSpan.FromMinutes(1)), arrivedAs: 3);
        ledger.Arrive(clock.Now);

        var totals = new LevelTotals[InFlightLevels.Count];
        Assert.True(ledger.TryRead(totals, out _, out int inFlight));
        Assert.Equal([0L, 25_000_004L, 0L, 36_000_000_000_000L], totals.Take(4).Select(level => level.UpstreamSquares));
        Assert.Equal(1, inFlight);
    }

    [Fact]
    public async Task Ledger_ManyThreads_LosesNothingAndTimeAddsUp()
    {
        const int Threads = 8;
        const int Rounds = 20_000;
        var clock = new RequestClock(TimeProvider.System);
        long begin = clock.Now;
        var ledger = new InFlightLedger(clock);
        using var done = new CancellationTokenSource();
        var reader = Task.Run(
            () =>
            {
                var totals = new LevelTotals[InFlightLevels.Count];
                long before = 0;
                while (!done.IsCancellationRequested)
                {
                    if (ledger.TryRead(totals, out long at, out _))
                    {
                        long departures = totals.Sum(level => level.Departures);
                        // What is read belongs to one moment: nothing goes back, and the times of all levels make up the whole.
                        Assert.InRange(departures, before, Threads * Rounds);
                        Assert.InRange(totals.Sum(level => level.Ticks), 0, at - begin);
                        before = departures;
                    }
                }
            },
            TestContext.Current.CancellationToken);

        await Task.WhenAll(Enumerable.Range(0, Threads).Select(thread => Task.Run(
            () =>
            {
                for (int i = 0; i < Rounds; i++)
                {
                    int arrivedAs = ledger.Arrive(clock.Now);
                    if ((i + thread) % 5 == 0)
                    {
                        ledger.Leave(clock.Now);
                    }
                    else
                    {
                        ledger.Depart(clock.Now, 3, arrivedAs);
                    }
                }
            },
            TestContext.Current.CancellationToken)));
        await done.CancelAsync();
        await reader;

        var totals = new LevelTotals[InFlightLevels.Count];
        Assert.True(ledger.TryRead(totals, out _, out _));
        Assert.Equal(0, ledger.InFlight);
        Assert.Equal(Threads * Rounds * 4 / 5, totals.Sum(level => level.Departures));
        Assert.Equal(Threads * Rounds * 4 / 5 * 3, totals.Sum(level => level.UpstreamTicks));
    }
}
