namespace TimingProxy.Timing;

/// <summary>Sees every request that came in on the traffic port exactly once, when it is over, however it ended.</summary>
internal interface IRequestObserver
{
    /// <summary>
    /// Runs on the request's own path: takes what it needs without blocking or throwing, and keeps no reference to
    /// <paramref name="request"/> or its context.
    /// </summary>
    void OnCompleted(RequestTiming request);
}
