namespace TimingProxy.EndToEnd.Fixtures;

/// <summary>Waiting for another process, which can only be asked again and again.</summary>
public static class Until
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(25);

    public static async Task TrueAsync(Func<Task<bool>> probe, Func<string> complaint, CancellationToken cancellationToken, TimeSpan? limit = null)
    {
        var time = TimeProvider.System;
        var started = time.GetTimestamp();
        using var timer = new PeriodicTimer(Interval);
        while (!await probe())
        {
            Assert.True(time.GetElapsedTime(started) < (limit ?? Limit), complaint());
            await timer.WaitForNextTickAsync(cancellationToken);
        }
    }
}
