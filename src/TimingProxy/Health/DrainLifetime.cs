using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;
using TimingProxy.Settings;

namespace TimingProxy.Health;

/// <summary>
/// The end of the process. SIGTERM: (1) readiness fails at once, (2) for <c>Health:DrainDelay</c> everything is still served, while load
/// balancers look away, (3) the host stops: listeners close, requests in flight get <c>Health:DrainTimeout</c>. SIGINT leaves out (2).
/// A second signal ends the process at once. The same one within a moment is no second one: <c>timeout</c>, a terminal and many a
/// supervisor signal the whole group, and a wrapper (<c>dotnet run</c>, an entry script) passes on to its child what that has had already.
/// </summary>
internal sealed partial class DrainLifetime(
    Readiness readiness,
    LiveSettings settings,
    TimeProvider time,
    IHostApplicationLifetime host,
    ILogger<DrainLifetime> logger) : IHostLifetime, IDisposable
{
    // As shells report a process that a signal has ended.
    private const int SignalExitBase = 128;

    private static readonly TimeSpan SameMoment = TimeSpan.FromMilliseconds(200);

    private readonly List<PosixSignalRegistration> _registrations = [];
    private ITimer? _delay;
    private readonly Lock _receiving = new();
    private (PosixSignal Signal, long At)? _first;

    /// <summary>Ends the process at once with an exit code.</summary>
    internal Action<int> Exit { get; init; } = Environment.Exit;

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        foreach (var signal in (PosixSignal[])[PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGQUIT])
        {
            _registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                OnSignal(context.Signal);
            }));
        }

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        _registrations.ForEach(registration => registration.Dispose());
        _delay?.Dispose();
    }

    internal void OnSignal(PosixSignal signal)
    {
        if (FirstBefore(signal) is var (first, at))
        {
            if (signal == first && time.GetElapsedTime(at) < SameMoment)
            {
                return;
            }

            LogSecond(signal);
            Exit(SignalExitBase + signal switch { PosixSignal.SIGINT => 2, PosixSignal.SIGQUIT => 3, _ => 15 });
            return;
        }

        // (1)
        readiness.MarkDraining();
        // A preStop hook that drained has waited for load balancers already; before everything is listened on none has looked here.
        var drainFor = signal == PosixSignal.SIGTERM && readiness.IsListening ? settings.Current.Health.DrainDelay : TimeSpan.Zero;
        double seconds = Math.Max(0, (drainFor - readiness.DrainingFor).TotalSeconds);
        LogDraining(signal, seconds);
        // (2), (3)
        _delay = time.CreateTimer(_ => StopOnceDrained(drainFor), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        StopOnceDrained(drainFor);
    }

    private void StopOnceDrained(TimeSpan drainFor)
    {
        var remaining = drainFor - readiness.DrainingFor;
        if (remaining > TimeSpan.Zero)
        {
            // Timers go by a clock of some milliseconds and may fire that much early: load balancers are promised the whole of it.
            _delay?.Change(TimeSpan.FromMilliseconds(Math.Ceiling(remaining.TotalMilliseconds)), Timeout.InfiniteTimeSpan);
            return;
        }

        host.StopApplication();
    }

    /// <summary>The signal that came first and when; null where this is it.</summary>
    private (PosixSignal Signal, long At)? FirstBefore(PosixSignal signal)
    {
        lock (_receiving)
        {
            var before = _first;
            _first ??= (signal, time.GetTimestamp());
            return before;
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Signal}: not ready any more; listening for another {Seconds:0.###} s")]
    private partial void LogDraining(PosixSignal signal, double seconds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Signal} again: leaving at once")]
    private partial void LogSecond(PosixSignal signal);
}
