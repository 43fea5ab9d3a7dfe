using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using TimingProxy.Insight;
using TimingProxy.Timing;

namespace TimingProxy.Tests.Insight;

public sealed class InsightRecorderTests : IDisposable
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UnixEpoch);
    private readonly RequestClock _clock;
    private readonly InFlightLedger _ledger;
    private readonly InsightRecorder _recorder;
    private double _disturbedSeconds;

    public InsightRecorderTests()
    {
        _clock = new RequestClock(_time);
        _ledger = new InFlightLedger(_clock);
        _recorder = new InsightRecorder(
            _ledger,
            _clock,
            _time,
            () => _disturbedSeconds >= 0 ? [KeyValuePair.Create("gc", _disturbedSeconds)] : throw new IOException("No descriptor is left."),
            NullLogger<InsightRecorder>.Instance);
    }

    public void Dispose() => _recorder.Dispose();

    [Fact]
    public void Report_RanksRoutesByTheirShareOfUpstreamTime()
    {
        for (int i = 0; i < 30; i++)
        {
            Request("/slow", 200, 30);
            Request("/fast", 200, 10);
        }

        Request("/fast", 503, 10);
        Pass(seconds: 10);

        var report = InsightReport.Of(_recorder, _time.GetUtcNow().AddMinutes(-10), _time.GetUtcNow());

        Assert.Equal(["/slow", "/fast"], report.Routes.Select(route => route.Route));
        var slow = report.Routes[0];
        Assert.Equal(30, slow.Requests);
        Assert.Equal(0.9, slow.UpstreamSeconds, 0.001);
        Assert.Equal(0.9 / 1.21, slow.UpstreamShare, 0.001);
        Assert.Equal(slow.UpstreamShare / 2, slow.FreedByHalving);
        Assert.Equal(30, slow.Latency.QuantileMs(0.5), 0.5);
        Assert.Equal(1 / 31.0, report.Routes[1].ErrorShare, 0.0001);
        Assert.Equal(VerdictKind.NotEnoughData, report.Verdict.Kind);
    }

    [Fact]
    public void Levels_AreCountedByWindow()
    {
        long begin = _clock.Now;
        int first = _ledger.Arrive(begin);
        _time.Advance(TimeSpan.FromMilliseconds(250));
        int second = _ledger.Arrive(_clock.Now);
        _time.Advance(TimeSpan.FromMilliseconds(250));
        _ledger.Depart(_clock.Now, _clock.Now - begin, first);
        _ledger.Depart(_clock.Now, _clock.Frequency / 4, second);
        _time.Advance(TimeSpan.FromMilliseconds(500));
        _recorder.Tick();

        var window = Assert.Single(_recorder.Since(DateTimeOffset.MinValue).Levels);

        Assert.Equal(2, window.Cells.Length);
        Assert.Equal(new LevelCell(1, 0.25, 1, 1, 0.5, 0.25), window.Cells[0]);
        Assert.Equal(new LevelCell(2, 0.25, 1, 1, 0.25, 0.0625f), window.Cells[1]);
        Assert.Equal((0, 1), (window.Growth, window.Seconds));
    }

    [Fact]
    public void Memory_IsBounded_WhateverComes()
    {
        // Two hours of more routes than there is room for.
        for (int window = 0; window < 720; window++)
        {
            for (int route = 0; route < 300; route++)
            {
                Request($"/r{route}", 200, 1 + ((route * 7 + window) % 1000));
            }

            Pass(seconds: 10);
        }

        var (windows, levels) = _recorder.Since(DateTimeOffset.MinValue);

        Assert.InRange(windows.Sum(window => window.Seconds), 3590, 3600);
        Assert.True(levels.Length <= 900);
        Assert.True(windows.All(window => window.Routes.Length <= 129));
    }

    [Fact]
    public void RouteThatNobodyAsksFor_MakesRoom()
    {
        for (int route = 0; route < 200; route++)
        {
            Request($"/old{route}", 200, 5);
        }

        for (int window = 0; window < 35; window++)
        {
            Request("/old0", 200, 5);
            Pass(seconds: 10);
        }

        Request("/new", 200, 5);
        Pass(seconds: 10);

        var last = _recorder.Since(_time.GetUtcNow().AddSeconds(-5)).Routes.Single();
        Assert.Equal(["/new"], last.Routes.Select(route => route.Route));
        Request("/old0", 200, 5);
        Pass(seconds: 10);
        Assert.Equal(["/old0"], _recorder.Since(_time.GetUtcNow().AddSeconds(-5)).Routes.Single().Routes.Select(route => route.Route));
    }

    [Fact]
    public void WhatTheAppNeverSaw_IsNoErrorOfTheApps()
    {
        Request("/a", 200, 5, ErrorType.ClientAbort, hasResponse: false);
        Request("/a", 400, 0, ErrorType.BadRequest, hasResponse: false);
        Request("/a", 503, 0, ErrorType.Overload, hasResponse: false);
        Request("/a", 502, 5, ErrorType.Connect, hasResponse: false);
        Pass(seconds: 10);

        var route = Assert.Single(RouteRanking.Of(_recorder.Since(DateTimeOffset.MinValue).Routes));

        Assert.Equal(1, route.Requests);
        Assert.Equal(1, route.ErrorShare);
        Assert.Equal(0, route.Latency.Count);
    }

    [Fact]
    public void Json_HasTheFieldsThatAreRelied_On()
    {
        Request("/a", 200, 5);
        Pass(seconds: 10);
        var state = new InsightState("1.2.3", () => "draining", () => false, _time.GetUtcNow, new ClusterLoads());
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            InsightJson.Write(json, InsightReport.Of(_recorder, DateTimeOffset.MinValue, _time.GetUtcNow()), state);
        }

        using var document = JsonDocument.Parse(buffer.ToArray());

        var root = document.RootElement;
        Assert.Equal(1, root.GetProperty("version").GetInt32());
        Assert.Equal(_time.GetUtcNow(), root.GetProperty("to").GetDateTimeOffset());
        var verdict = root.GetProperty("verdict");
        Assert.Equal("not-enough-data", verdict.GetProperty("kind").GetString());
        Assert.Equal(JsonValueKind.Null, verdict.GetProperty("limit").ValueKind);
        Assert.Equal(JsonValueKind.Null, verdict.GetProperty("withOneMore").ValueKind);
        Assert.Equal(JsonValueKind.String, verdict.GetProperty("missing").ValueKind);
        Assert.Contains("Not enough data", verdict.GetProperty("sentence").GetString(), StringComparison.Ordinal);
        var route = root.GetProperty("routes")[0];
        foreach (string name in (string[])["route", "count", "ratePerSecond", "p50Ms", "p90Ms", "p99Ms", "errorShare", "upstreamSeconds", "upstreamShare", "freedByHalving"])
        {
            Assert.True(route.TryGetProperty(name, out _), name);
        }

        Assert.Equal(1, route.GetProperty("histogram").GetProperty("counts")[0].GetInt32());
        Assert.Equal(1, root.GetProperty("routes").GetArrayLength());
        Assert.Equal(JsonValueKind.Array, root.GetProperty("levels").ValueKind);
        Assert.Equal(1, root.GetProperty("total").GetProperty("count").GetInt32());
        Assert.Equal("draining", root.GetProperty("state").GetProperty("notReady").GetString());
        Assert.False(root.GetProperty("state").GetProperty("lastReloadSuccessful").GetBoolean());
    }

    [Fact]
    public void AppsOwnTime_IsShownByRoute()
    {
        Request("/a", 200, 50, appMs: 20);
        Request("/a", 200, 50);
        Request("/b", 200, 10, appMs: 12);
        Pass(seconds: 10);

        var routes = RouteRanking.Of(_recorder.Since(DateTimeOffset.MinValue).Routes);

        Assert.Equal((1, 0.02, 0.03), (routes[0].App.Answers, routes[0].App.Seconds, Math.Round(routes[0].App.OutsideSeconds, 6)));
        // An app that says more than there was had nothing outside.
        Assert.Equal((1, 0.012, 0), (routes[1].App.Answers, routes[1].App.Seconds, routes[1].App.OutsideSeconds));
    }

    [Fact]
    public void DisturbedClock_MarksItsWindow()
    {
        Pass(seconds: 10);
        _disturbedSeconds = 2;
        Pass(seconds: 10);
        Pass(seconds: 10);

        Assert.Equal([false, true, false], _recorder.Since(DateTimeOffset.MinValue).Routes.Select(window => window.IsDisturbed));
        Assert.Equal(1 / 3.0, InsightReport.Of(_recorder, DateTimeOffset.MinValue, _time.GetUtcNow()).ClockDisturbedShare, 0.001);
    }

    [Fact]
    public async Task WindowThatCannotBeRecorded_IsTheOnlyOneMissed()
    {
        await _recorder.StartAsync(TestContext.Current.CancellationToken);
        _disturbedSeconds = -1;
        await PassAsync(() => _recorder.Since(DateTimeOffset.MinValue).Levels.Length >= 12);
        Assert.Empty(_recorder.Since(DateTimeOffset.MinValue).Routes);

        _disturbedSeconds = 0;
        Request("/a", 200, 5);
        await PassAsync(() => _recorder.Since(DateTimeOffset.MinValue).Routes.Length != 0);

        Assert.False(_recorder.ExecuteTask!.IsCompleted);
    }

    [Fact]
    public void Seconds_AreKeptForAQuarterOfAnHour()
    {
        Pass(seconds: 1000);

        Assert.Equal(900, _recorder.Since(DateTimeOffset.MinValue).Levels.Length);
    }

    [Fact]
    public void Recording_AllocatesNothing()
    {
        var timing = Timing("/a", 200, 5, null, true, 2);
        Play(1000);
        long allocated = GC.GetAllocatedBytesForCurrentThread();

        Play(200_000);

        // The runtime, which compiles meanwhile what runs often, may need some itself; a request's own would be a byte each at the least.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - allocated, 0, 200_000 - 1);

        void Play(int requests)
        {
            for (int i = 0; i < requests; i++)
            {
                int place = _ledger.Arrive(i);
                _ledger.Depart(i + 1, 1, place);
                _recorder.OnCompleted(timing);
            }
        }
    }

    /// <summary>Lets the recorder's own timer run until something is so.</summary>
    private async Task PassAsync(Func<bool> condition)
    {
        for (int seconds = 0; !condition(); seconds++)
        {
            Assert.True(seconds < 10_000, "The recorder has stopped.");
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(TimeSpan.FromMilliseconds(1), TestContext.Current.CancellationToken);
        }
    }

    private void Pass(int seconds)
    {
        for (int i = 0; i < seconds; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            _recorder.Tick();
        }
    }

    private void Request(string route, int status, int upstreamMs, string? errorType = null, bool hasResponse = true, int appMs = -1) =>
        _recorder.OnCompleted(Timing(route, status, upstreamMs, errorType, hasResponse, appMs));

    private RequestTiming Timing(string route, int status, int upstreamMs, string? errorType, bool hasResponse, int appMs)
    {
        var context = new DefaultHttpContext();
        context.Response.StatusCode = status;
        var timing = new RequestTiming(context, _clock) { InsightRoute = route, ErrorType = errorType };
        timing.MarkStarted(1);
        timing.MarkResponded(1 + (upstreamMs * _clock.Frequency / 1000), hasResponse);
        timing.AppReportedTicks = appMs < 0 ? -1 : appMs * _clock.Frequency / 1000;
        return timing;
    }
}
