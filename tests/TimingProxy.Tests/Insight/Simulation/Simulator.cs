using TimingProxy.Insight;

namespace TimingProxy.Tests.Insight.Simulation;

/// <summary>What a scenario's traffic leaves behind, as the proxy would record it.</summary>
/// <param name="ShareAboveLimit">Share of the busy time in which a request waited for a worker: whether load reached the limit.</param>
/// <param name="WaitingShare">Share of all upstream time that was waiting for a worker.</param>
internal sealed record Traffic(
    IReadOnlyList<LevelWindow> Windows, IReadOnlyList<RouteTrend> Routes, double ShareAboveLimit, double WaitingShare, IReadOnlyList<double> Latencies);

/// <summary>Plays a scenario event by event: arrivals, free work, a line, workers, departures. All chance comes from the scenario's seed.</summary>
internal sealed class Simulator
{
    private const int SlowClientsOneIn = 20;
    private const double SlowUpload = 0.3;

    private static readonly double[] RouteMeans = [0.3 / 0.95, 1 / 0.95, 3 / 0.95];

    private readonly Scenario _scenario;
    private readonly Random _random;
    private readonly TrafficLog _log = new();
    private readonly PriorityQueue<(Kind Kind, int Request, int Life), double> _events = new();
    private readonly List<Request> _requests = [];
    private readonly Stack<int> _free = new();
    private readonly List<int> _line = [];
    private int _lineStart;
    private double _now;
    private int _life;
    private int _inFlight;
    private int _busy;

    private Simulator(Scenario scenario)
    {
        _scenario = scenario;
        _random = new Random(scenario.Seed);
    }

    private enum Kind
    {
        Arrival,
        NeedsWorker,
        Departure,
    }

    private int Waiting => _line.Count - _lineStart;

    public static Traffic Play(Scenario scenario) => new Simulator(scenario).Run();

    private Traffic Run()
    {
        int clients = _scenario.Arrivals == Arrivals.ClosedLoop ? Math.Max(1, (int)Math.Round(_scenario.Load * Capacity * 2)) : 1;
        for (int i = 0; i < clients; i++)
        {
            ScheduleArrival();
        }

        double restart = _scenario.Twist == Twist.Restarts ? 90 : double.PositiveInfinity;
        while (_events.TryDequeue(out var next, out double at) && at < Scenario.Duration)
        {
            if (at >= restart)
            {
                Advance(restart);
                Restart();
                restart += 110;
            }

            Advance(at);
            if (next.Kind == Kind.Arrival)
            {
                Arrive();
            }
            else if (next.Life == _life)
            {
                if (next.Kind == Kind.NeedsWorker)
                {
                    TakeWorker(next.Request);
                }
                else
                {
                    Depart(next.Request);
                }
            }
        }

        Advance(Scenario.Duration);
        return _log.Close();
    }

    private double Capacity => _scenario.Workers > 0 && _scenario.Twist != Twist.SerialisedRoute
        ? _scenario.Workers / _scenario.LimitedShare
        : 1;

    /// <summary>Clients think as long as a request takes: at a load of 1 their demand is what the workers can do.</summary>
    private void ScheduleArrival()
    {
        double mean = _scenario.MeanSeconds;
        if (_scenario.Arrivals != Arrivals.ClosedLoop)
        {
            // Of a serialised route, the load is its own: a third of the requests, each of them of the fastest route's length.
            double load = _scenario.Twist == Twist.SerialisedRoute ? 3 * _scenario.Load / RouteMeans[0] : _scenario.Load * Capacity;
            mean = _scenario.Twist == Twist.SlowClients && _scenario.IsLimited ? mean + (SlowUpload / SlowClientsOneIn) : mean;
            mean /= load;
            mean *= _scenario.Arrivals == Arrivals.Bursty ? 5 : 1;
            mean /= _scenario.Arrivals == Arrivals.Diurnal ? 1 + (0.6 * Math.Sin(2 * Math.PI * _now / 150)) : 1;
        }

        _events.Enqueue((Kind.Arrival, 0, 0), _now + Exponential(mean));
    }

    private void Arrive()
    {
        if (IsDown())
        {
            // Refused at once: no departure, and the client comes again.
            ScheduleArrival();
            return;
        }

        int together = _scenario.Arrivals == Arrivals.Bursty ? 1 + Geometric(4) : 1;
        for (int i = 0; i < together; i++)
        {
            _inFlight++;
            double place = _random.NextDouble();
            int route = !_scenario.HasRoutes ? 0 : _scenario.Twist == Twist.SerialisedRoute ? (int)(place * 3) : place < 0.5 ? 0 : place < 0.85 ? 1 : 2;
            double work = Draw() * (_scenario.HasRoutes ? RouteMeans[route] : 1);
            bool isSlowClient = _scenario.Twist == Twist.SlowClients && _random.Next(SlowClientsOneIn) == 0;
            int request = Add(new Request(_now, route, _inFlight, work, isSlowClient ? Exponential(SlowUpload) : 0));
            if (_scenario.LimitedShare < 1)
            {
                _events.Enqueue((Kind.NeedsWorker, request, _life), _now + (work * (1 - _scenario.LimitedShare)));
            }
            else
            {
                TakeWorker(request);
            }
        }

        if (_scenario.Arrivals != Arrivals.ClosedLoop)
        {
            ScheduleArrival();
        }
    }

    private void TakeWorker(int request)
    {
        bool isFree = _scenario.Workers == 0 || (_scenario.Twist == Twist.SerialisedRoute && _requests[request].Route != 0);
        if (isFree)
        {
            Work(request, 1);
        }
        else if (_busy < _scenario.WorkersAt(_now))
        {
            _busy++;
            Work(request, 1);
        }
        else
        {
            _line.Add(request);
        }
    }

    private void Work(int request, double handover)
    {
        var working = _requests[request];
        double end = _now + (working.Work * _scenario.LimitedShare * handover * Slowness()) + working.Upload;
        _events.Enqueue((Kind.Departure, request, _life), end);
    }

    private void Depart(int id)
    {
        var request = _requests[id];
        _free.Push(id);
        _log.Departed(_inFlight, request.Found, request.Route, Math.Max(0, _now - request.ArrivedAt - request.Upload));
        _inFlight--;
        if (_scenario.Workers > 0 && (_scenario.Twist != Twist.SerialisedRoute || request.Route == 0))
        {
            _busy--;
            while (Waiting > 0 && _busy < _scenario.WorkersAt(_now))
            {
                _busy++;
                Work(TakeFromLine(), _scenario.Twist == Twist.LockConvoy ? Scenario.Handover : 1);
            }
        }

        if (_scenario.Arrivals == Arrivals.ClosedLoop)
        {
            ScheduleArrival();
        }
    }

    private int TakeFromLine()
    {
        int place = _scenario.IsFifo ? _lineStart : _random.Next(_lineStart, _line.Count);
        int request = _line[place];
        _line[place] = _line[_lineStart++];
        if (_lineStart > 1000 && _lineStart * 2 > _line.Count)
        {
            _line.RemoveRange(0, _lineStart);
            _lineStart = 0;
        }

        return request;
    }

    /// <summary>Everything in flight is lost, and its clients come again.</summary>
    private void Restart()
    {
        int lost = _inFlight;
        _life++;
        _line.Clear();
        _lineStart = _busy = _inFlight = 0;
        _requests.Clear();
        _free.Clear();
        for (int i = 0; i < lost && _scenario.Arrivals == Arrivals.ClosedLoop; i++)
        {
            ScheduleArrival();
        }
    }

    private bool IsDown() => _scenario.Twist == Twist.Restarts && SinceRestart < 2;

    private double SinceRestart => _now < 90 ? double.PositiveInfinity : (_now - 90) % 110;

    private int Add(Request request)
    {
        if (_free.TryPop(out int id))
        {
            _requests[id] = request;
            return id;
        }

        _requests.Add(request);
        return _requests.Count - 1;
    }

    private void Advance(double to)
    {
        // Of limits that change, it is the last that is to be found.
        bool counts = _scenario.IsLimited && (_scenario.Twist != Twist.ScaledUp || _now > Scenario.Duration / 2);
        _log.Spend(_now, to, _inFlight, Waiting, counts);
        _now = to;
    }

    private double Slowness() => _scenario.Twist switch
    {
        Twist.SlowDependency => _now % 20 < 8 ? Slow : 1,
        Twist.LongSlowDown => _now is > 100 and < 190 ? Slow : 1,
        Twist.Contention => 1 + (0.01 * _inFlight),
        Twist.Restarts => SinceRestart < 7 ? 3 : 1,
        _ => 1,
    };

    // Workers would be overrun at once by what a backend without a limit can take.
    private double Slow => _scenario.Workers > 0 ? 1.6 : 5;

    private double Draw()
    {
        double mean = _scenario.MeanSeconds;
        return _scenario.Service switch
        {
            Service.Exponential => Exponential(mean),
            Service.LogNormal => mean * Math.Exp((0.8 * Normal()) - 0.32),
            Service.Bimodal => mean / 2.5 * (_random.NextDouble() < 1.0 / 6 ? 10 : 1) * Math.Exp((0.3 * Normal()) - 0.045),
            _ => mean,
        };
    }

    private double Exponential(double mean) => -mean * Math.Log(1 - _random.NextDouble());

    private double Normal() => Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(2 * Math.PI * _random.NextDouble());

    private int Geometric(double mean) => (int)Math.Floor(Math.Log(1 - _random.NextDouble()) / Math.Log(mean / (mean + 1)));

    /// <param name="Found">Requests in flight with it when it came.</param>
    private readonly record struct Request(double ArrivedAt, int Route, int Found, double Work, double Upload);
}
