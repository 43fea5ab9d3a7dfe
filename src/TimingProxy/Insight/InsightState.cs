using TimingProxy.Timing;

namespace TimingProxy.Insight;

/// <summary>State of other rooms that the page shows; wired where the rooms are put together.</summary>
/// <param name="WhyNotReady">Why traffic should not be sent here; null where it should.</param>
/// <param name="LastReloadSuccessful">Whether the last change of the configuration was taken.</param>
/// <param name="LastReload">When one last was.</param>
/// <param name="Loads">What each cluster holds at the moment.</param>
internal sealed record InsightState(
    string Version, Func<string?> WhyNotReady, Func<bool> LastReloadSuccessful, Func<DateTimeOffset> LastReload, ClusterLoads Loads);

/// <summary>Seconds since the start in which the clock may have been read late, by cause. They only grow.</summary>
internal delegate IEnumerable<KeyValuePair<string, double>> ClockDisturbances();
