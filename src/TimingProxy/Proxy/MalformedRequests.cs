using System.Diagnostics;
using Microsoft.AspNetCore.Http.Features;
using TimingProxy.Timing;

namespace TimingProxy.Proxy;

/// <summary>
/// Sees the requests that the server refuses before any middleware runs (malformed head, conflicting lengths, a head too large):
/// its diagnostic event is the only trace they leave.
/// </summary>
internal sealed class MalformedRequests(Action<IFeatureCollection> refused) : IObserver<KeyValuePair<string, object?>>
{
    private const string BadRequestEvent = "Microsoft.AspNetCore.Server.Kestrel.BadRequest";

    /// <summary>Calls <paramref name="refused"/> with the features of each refused request; the subscription ends with the result.</summary>
    public static IDisposable Subscribe(DiagnosticListener server, Action<IFeatureCollection> refused) =>
        // By name, so that no other event of the server's becomes any dearer.
        server.Subscribe(new MalformedRequests(refused), static name => name == BadRequestEvent);

    public void OnNext(KeyValuePair<string, object?> value)
    {
        // One that came as far as the clock is counted when it completes.
        if (value.Value is IFeatureCollection features && features.Get<RequestTiming>() is null)
        {
            refused(features);
        }
    }

    public void OnCompleted()
    {
    }

    public void OnError(Exception error)
    {
    }
}
