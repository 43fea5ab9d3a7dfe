namespace TimingProxy.Tests.Insight.Simulation;

internal enum Arrivals
{
    Poisson,

    /// <summary>Groups of requests at once, five on average, as pages with many parts send them.</summary>
    Bursty,

    /// <summary>So many clients, each of which asks again a while after its answer.</summary>
    ClosedLoop,

    /// <summary>Poisson at a rate that swings by 60 % in 150 s: a day in five minutes.</summary>
    Diurnal,
}

internal enum Service
{
    Exponential,
    LogNormal,

    /// <summary>One request in six takes ten times as long.</summary>
    Bimodal,

    /// <summary>All alike.</summary>
    Constant,
}

internal enum Twist
{
    None,

    /// <summary>The dependency behind every request is slow for eight seconds in every twenty.</summary>
    SlowDependency,

    /// <summary>The same for a minute and a half in the middle.</summary>
    LongSlowDown,

    /// <summary>Twice the backend goes: what it works on is lost, two seconds of refusals, and then five seconds three times as slow.</summary>
    Restarts,

    /// <summary>One client in twenty takes 0.3 s to send its request, and is in flight meanwhile; a worker waits with it.</summary>
    SlowClients,

    /// <summary>The more requests are in flight, the slower each is, a little: contention short of a limit.</summary>
    Contention,

    /// <summary>Every request passes one lock for part of its work, and a lock that is waited for costs 15 % more to hand over.</summary>
    LockConvoy,

    /// <summary>One route in three goes through a lock; all others are free.</summary>
    SerialisedRoute,

    /// <summary>Twice as many workers for the second half.</summary>
    ScaledUp,
}

/// <param name="Workers">Requests worked on at a time; 0 is no limit.</param>
/// <param name="Load">Offered work over capacity; with no limit, requests in flight on average.</param>
/// <param name="MeanSeconds">Mean service time.</param>
/// <param name="LimitedShare">
/// Share of a request's work that needs one of the workers, the rest being free: a pool of connections or a lock behind an async app.
/// </param>
/// <param name="HasRoutes">Three routes, of 0.3, 1 and 3 times the mean, instead of one.</param>
internal sealed record Scenario(
    int Workers,
    double Load,
    Arrivals Arrivals,
    Service Service,
    double MeanSeconds,
    bool IsFifo,
    Twist Twist,
    int Seed,
    double LimitedShare = 1,
    bool HasRoutes = false)
{
    public const double Duration = 300;

    /// <summary>What a lock costs more that is waited for.</summary>
    public const double Handover = 1.15;

    public string Name =>
        $"W={(IsLimited ? Workers : "none")} load={Load:0.00} {Arrivals} {Service} {MeanSeconds * 1000:0}ms {(IsFifo ? "fifo" : "random")} {Twist}"
        + $"{(LimitedShare < 1 ? $" limited part {LimitedShare:0.00}" : "")}{(HasRoutes ? " routes" : "")} seed {Seed}";

    /// <summary>Whether the backend as a whole has a limit: one serialised route among free ones is none.</summary>
    public bool IsLimited => Workers > 0 && Twist != Twist.SerialisedRoute;

    /// <summary>
    /// Requests that are worked on, in whatever part of their work, when the workers are all busy; of limits that change, the last.
    /// </summary>
    public double Limit => WorkersAt(Duration) * (1 - LimitedShare + (LimitedShare * HandoverCost)) / (LimitedShare * HandoverCost);

    public int WorkersAt(double seconds) => Twist == Twist.ScaledUp && seconds > Duration / 2 ? 2 * Workers : Workers;

    private double HandoverCost => Twist == Twist.LockConvoy ? Handover : 1;
}
