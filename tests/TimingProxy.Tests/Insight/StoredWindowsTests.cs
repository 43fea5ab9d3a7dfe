using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using TimingProxy.Insight;
using TimingProxy.Tests.Functional;
using TimingProxy.Timing;

namespace TimingProxy.Tests.Insight;

[Collection(nameof(RunsAlone))]
public sealed class StoredWindowsTests
{
    [Fact]
    public void StoredRoutes_ComeBackAsTheyWere()
    {
        var from = DateTimeOffset.UnixEpoch;
        var window = new TimeWindow(from, from.AddSeconds(10),
        [
            new RouteWindow("/a", 5, 1, 0, 1.234567, new AppTime(3, 0.5, 0.25), [(0, 1), (127, 2), (1535, 300_000_000)]),
            new RouteWindow("/b", 1, 1, 1, 0, default, []),
        ], 0.75);

        var opened = StoredRoutes.Of(window).Open();

        Assert.Equal((window.From, window.To, window.DisturbedSeconds), (opened.From, opened.To, opened.DisturbedSeconds));
        Assert.Equal(window.Routes.Select(Text), opened.Routes.Select(Text));

        static string Text(RouteWindow route) =>
            $"{route.Route} {route.Requests} {route.Errors} {route.Unanswered} {route.UpstreamSeconds} {route.App} {string.Join(' ', route.Buckets)}";
    }

    [Fact]
    public void StoredLevels_ComeBackAsWhatHappenedBetween()
    {
        var time = new FakeTimeProvider();
        var clock = new RequestClock(time);
        var before = new LevelTotals[InFlightLevels.Count];
        var now = new LevelTotals[InFlightLevels.Count];
        before[2] = new LevelTotals(clock.Frequency, 10, 10, clock.Frequency, 10_000_000_000);
        now[2] = new LevelTotals(2 * clock.Frequency, 13, 12, 3 * clock.Frequency, 35_000_000_000);
        now[65] = new LevelTotals(clock.Frequency / 2, 1, 0, 0, 0);

        now[0] = now[0] with { Ticks = clock.Frequency / 4 };

        var opened = StoredLevels.Between(time.GetUtcNow(), before, now, growth: 7, clock).Open();

        Assert.Equal([new LevelCell(2, 1, 3, 2, 2, 2.5), new LevelCell(80.5, 0.5, 1, 0, 0, 0)], opened.Cells);
        Assert.Equal((7, 1.75, 11), (opened.Growth, opened.Seconds, opened.Arrivals));
    }

    /// <summary>A hundred routes, an hour, latencies of every size, and everything up to sixty thousand in flight.</summary>
    [Fact]
    public void Memory_OfAFullHouse_IsLessThanTenMegabytes()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch);
        var clock = new RequestClock(time);
        var ledger = new InFlightLedger(clock);
        long before = GC.GetTotalMemory(forceFullCollection: true);
        var recorder = new InsightRecorder(ledger, clock, time, () => [], NullLogger<InsightRecorder>.Instance);
        var random = new Random(1);
        int rushHour = 0;
        var timing = Enumerable.Range(0, 100).Select(route => Timing(clock, $"/route{route}")).ToArray();
        for (int second = 0; second < 3600; second++)
        {
            foreach (var request in timing)
            {
                for (int i = 0; i < 10; i++)
                {
                    request.MarkStarted(1);
                    request.MarkResponded(1 + (long)(clock.Frequency * 0.01 * Math.Exp(3 * random.NextDouble())), hasResponse: true);
                    recorder.OnCompleted(request);
                }
            }

            // Every level is passed in every second, up and down.
            int upTo = InFlightLevels.UpperBound(second % InFlightLevels.Count);
            for (; rushHour < upTo; rushHour++)
            {
                ledger.Arrive(clock.Now);
            }

            for (; rushHour > 0; rushHour--)
            {
                ledger.Depart(clock.Now, 1, rushHour);
            }

            time.Advance(TimeSpan.FromSeconds(1));
            recorder.Tick();
        }

        long taken = GC.GetTotalMemory(forceFullCollection: true) - before;
        var (windows, _) = recorder.Since(DateTimeOffset.MinValue);
        TestContext.Current.SendDiagnosticMessage("{0} bytes, {1} windows", taken, windows.Length);
        Assert.InRange(taken, 1, 10_000_000);
        foreach (int minutes in (int[])[10, 60])
        {
            long begin = TimeProvider.System.GetTimestamp();
            var report = InsightReport.Of(recorder, time.GetUtcNow().AddMinutes(-minutes), time.GetUtcNow());
            TestContext.Current.SendDiagnosticMessage("{0} minutes: {1} ms, {2}", minutes, TimeProvider.System.GetElapsedTime(begin).TotalMilliseconds, report.Verdict.Kind);
        }

        Assert.InRange(windows.Sum(window => window.Seconds), 3590, 3600);
        GC.KeepAlive(recorder);
    }

    private static RequestTiming Timing(RequestClock clock, string route)
    {
        var context = new DefaultHttpContext();
        context.Response.StatusCode = 200;
        return new RequestTiming(context, clock) { InsightRoute = route, InFlightOnArrival = 3 };
    }
}
