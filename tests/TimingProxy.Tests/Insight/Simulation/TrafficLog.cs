using TimingProxy.Insight;
using TimingProxy.Timing;

namespace TimingProxy.Tests.Insight.Simulation;

/// <summary>Keeps what the proxy would: windows of one second by level of requests in flight, and trends of routes by ten seconds.</summary>
internal sealed class TrafficLog
{
    private const int SecondsPerTrend = 10;

    private readonly LevelCell[] _cells = new LevelCell[InFlightLevels.Count];
    private readonly List<LevelWindow> _windows = [];
    private readonly TrendSums[] _trends = new TrendSums[3];
    private readonly List<RouteTrend> _routes = [];
    private readonly List<double> _latencies = [];
    private double _windowEnd = 1;
    private int _inFlightAtStart;
    private double _busyTime;
    private double _reachedTime;
    private double _inFlightTime;
    private double _waitingTime;

    public void Departed(int inFlight, int found, int route, double upstream)
    {
        int level = InFlightLevels.IndexOf(inFlight);
        _cells[level] = _cells[level] with { Departures = _cells[level].Departures + 1 };
        int place = InFlightLevels.IndexOf(found);
        _cells[place] = _cells[place] with
        {
            Answers = _cells[place].Answers + 1,
            UpstreamSeconds = _cells[place].UpstreamSeconds + upstream,
            UpstreamSquares = _cells[place].UpstreamSquares + (upstream * upstream),
        };
        var (answers, arrivals, squared, seconds, product) = _trends[route];
        _trends[route] = new TrendSums(
            answers + 1, arrivals + found, squared + ((double)found * found), seconds + upstream, product + (found * upstream));
        _latencies.Add(upstream);
    }

    public void Spend(double from, double to, int inFlight, int waiting, bool counts)
    {
        while (to >= _windowEnd)
        {
            Count(_windowEnd - from, inFlight, waiting, counts);
            from = _windowEnd;
            CloseWindow(inFlight);
            _windowEnd += 1;
        }

        Count(to - from, inFlight, waiting, counts);
    }

    public Traffic Close() => new(
        _windows,
        _routes,
        _busyTime == 0 ? 0 : _reachedTime / _busyTime,
        _inFlightTime == 0 ? 0 : _waitingTime / _inFlightTime,
        _latencies);

    private void Count(double seconds, int inFlight, int waiting, bool counts)
    {
        int level = InFlightLevels.IndexOf(inFlight);
        _cells[level] = _cells[level] with { Seconds = _cells[level].Seconds + seconds };
        if (counts)
        {
            _busyTime += inFlight > 0 ? seconds : 0;
            _reachedTime += waiting > 0 ? seconds : 0;
        }

        _inFlightTime += inFlight * seconds;
        _waitingTime += waiting * seconds;
    }

    private void CloseWindow(int inFlight)
    {
        var cells = new List<LevelCell>();
        for (int level = 1; level < _cells.Length; level++)
        {
            if (_cells[level] != default)
            {
                cells.Add(_cells[level] with { InFlight = (InFlightLevels.LowerBound(level) + InFlightLevels.UpperBound(level)) / 2.0 });
            }
        }

        Array.Clear(_cells);
        _windows.Add(new LevelWindow([.. cells], inFlight - _inFlightAtStart));
        _inFlightAtStart = inFlight;
        if (_windows.Count % SecondsPerTrend == 0)
        {
            for (int route = 0; route < _trends.Length; route++)
            {
                if (_trends[route].Answers > 0)
                {
                    _routes.Add(new RouteTrend($"/{route}", _trends[route]));
                }
            }

            Array.Clear(_trends);
        }
    }
}
