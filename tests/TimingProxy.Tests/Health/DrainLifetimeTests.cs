using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using TimingProxy.Health;
using TimingProxy.Settings;
using Xunit;

namespace TimingProxy.Tests.Health;

public sealed class DrainLifetimeTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly LiveSettings _settings = new(new ProxySettings());
    private readonly FakeApplication _application = new();
    private readonly List<int> _exits = [];
    private readonly Readiness _readiness;
    private readonly DrainLifetime _lifetime;

    public DrainLifetimeTests()
    {
        _readiness = new Readiness(_time);
        _lifetime = new DrainLifetime(_readiness, _settings, _time, _application, NullLogger<DrainLifetime>.Instance) { Exit = _exits.Add };
    }

    public void Dispose()
    {
        _lifetime.Dispose();
        _readiness.Dispose();
    }

    [Fact]
    public void Sigterm_WhileReady_FailsReadinessAtOnceAndStopsAfterTheDelay()
    {
        _readiness.MarkListening();

        _lifetime.OnSignal(PosixSignal.SIGTERM);

        Assert.True(_readiness.IsDraining);
        _time.Advance(TimeSpan.FromSeconds(4.9));
        Assert.Equal(0, _application.Stops);
        _time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal(1, _application.Stops);
        Assert.Empty(_exits);
    }

    [Fact]
    public void Sigterm_WithATimerThatFiresEarly_StillWaitsTheWholeDelay()
    {
        using var lifetime = new DrainLifetime(
            _readiness, _settings, new EarlyTimers(_time, TimeSpan.FromMilliseconds(5)), _application, NullLogger<DrainLifetime>.Instance);
        _readiness.MarkListening();

        lifetime.OnSignal(PosixSignal.SIGTERM);

        _time.Advance(TimeSpan.FromSeconds(4.9995));
        Assert.Equal(0, _application.Stops);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(1, _application.Stops);
    }

    [Fact]
    public void Sigterm_AfterAReload_TakesTheNewDelay()
    {
        _readiness.MarkListening();
        _settings.Publish(new ProxySettings
        {
            Health = new HealthSettings { DrainDelay = TimeSpan.FromSeconds(1) },
        });

        _lifetime.OnSignal(PosixSignal.SIGTERM);
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(1, _application.Stops);
    }

    [Fact]
    public void Sigterm_AfterADrainThatWaited_DoesNotWaitAgain()
    {
        _readiness.MarkListening();
        _readiness.MarkDraining();
        _time.Advance(TimeSpan.FromSeconds(3));

        _lifetime.OnSignal(PosixSignal.SIGTERM);

        _time.Advance(TimeSpan.FromSeconds(1.9));
        Assert.Equal(0, _application.Stops);
        _time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal(1, _application.Stops);
    }

    [Fact]
    public void Sigterm_WhileStarting_StopsAtOnce()
    {
        _lifetime.OnSignal(PosixSignal.SIGTERM);

        Assert.Equal(1, _application.Stops);
    }

    [Fact]
    public void Sigint_WhileReady_SkipsTheDelay()
    {
        _readiness.MarkListening();

        _lifetime.OnSignal(PosixSignal.SIGINT);

        Assert.True(_readiness.IsDraining);
        Assert.Equal(1, _application.Stops);
        Assert.Empty(_exits);
    }

    [Theory]
    [InlineData(PosixSignal.SIGINT, 130)]
    [InlineData(PosixSignal.SIGTERM, 143)]
    [InlineData(PosixSignal.SIGQUIT, 131)]
    public void SecondSignal_WhateverTheFirst_ExitsAtOnce(PosixSignal second, int exitCode)
    {
        _readiness.MarkListening();
        _lifetime.OnSignal(PosixSignal.SIGTERM);

        _time.Advance(TimeSpan.FromMilliseconds(200));
        _lifetime.OnSignal(second);

        Assert.Equal([exitCode], _exits);
    }

    [Fact]
    public void SameSignal_DeliveredTwiceInAMoment_IsOne()
    {
        _readiness.MarkListening();
        _lifetime.OnSignal(PosixSignal.SIGTERM);

        _time.Advance(TimeSpan.FromMilliseconds(20));
        _lifetime.OnSignal(PosixSignal.SIGTERM);

        Assert.Empty(_exits);
        Assert.Equal(0, _application.Stops);
    }

    /// <summary>As the system's timers may: one that is set for longer fires a moment early.</summary>
    private sealed class EarlyTimers(FakeTimeProvider time, TimeSpan early) : TimeProvider
    {
        public override long TimestampFrequency => time.TimestampFrequency;

        public override long GetTimestamp() => time.GetTimestamp();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            time.CreateTimer(callback, state, dueTime > early ? dueTime - early : dueTime, period);
    }

    private sealed class FakeApplication : IHostApplicationLifetime
    {
        public int Stops { get; private set; }

        public CancellationToken ApplicationStarted => CancellationToken.None;

        public CancellationToken ApplicationStopping => CancellationToken.None;

        public CancellationToken ApplicationStopped => CancellationToken.None;

        public void StopApplication() => Stops++;
    }
}
