namespace TimingProxy.Timing;

/// <summary>
/// The one monotonic clock. Points in time and durations are ticks of it (<see cref="Frequency"/> a second) and become
/// seconds or milliseconds only where they are shown.
/// </summary>
internal sealed class RequestClock(TimeProvider time)
{
    private readonly double _secondsPerTick = 1.0 / time.TimestampFrequency;
    private readonly double _millisecondsPerTick = 1000.0 / time.TimestampFrequency;

    public TimeProvider TimeProvider => time;

    public long Frequency => time.TimestampFrequency;

    public long Now => time.GetTimestamp();

    public double ToSeconds(long ticks) => ticks * _secondsPerTick;

    public double ToMilliseconds(long ticks) => ticks * _millisecondsPerTick;

    public long FromTimeSpan(TimeSpan span) => (long)(span.TotalSeconds * time.TimestampFrequency);
}
