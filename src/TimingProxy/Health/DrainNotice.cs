using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace TimingProxy.Health;

/// <summary>
/// While draining, asks the clients of the traffic port to come back on another connection: <c>Connection: close</c> on HTTP/1.1 answers,
/// GOAWAY on HTTP/2, whose streams finish. Requests that are under way when draining begins are included.
/// </summary>
/// <remarks>
/// Connections on which nothing is asked are left alone: to close one would race with the request that may be on its way. For the same reason
/// HTTP/1.1 is told by the answer itself, on its own way: an answer that has just gone without the word promised another request.
/// </remarks>
internal sealed class DrainNotice
{
    private readonly Readiness _readiness;
    private readonly Func<object, Task> _starting;

    public DrainNotice(Readiness readiness)
    {
        _readiness = readiness;
        _starting = OnStartingAsync;
    }

    /// <summary>
    /// Gives the request notice when draining begins, at once where it has begun, until what is returned is disposed. That waits for a
    /// notice in progress: the context is not used again before.
    /// </summary>
    public CancellationTokenRegistration Watch(HttpContext context)
    {
        if (HttpProtocol.IsHttp2(context.Request.Protocol))
        {
            return _readiness.Draining.UnsafeRegister(
                static state => ((HttpContext)state!).Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose(), context);
        }

        context.Response.OnStarting(_starting, context);
        return default;
    }

    private Task OnStartingAsync(object state)
    {
        var response = ((HttpContext)state).Response;
        if (_readiness.IsDraining && response.StatusCode != StatusCodes.Status101SwitchingProtocols)
        {
            response.Headers.Connection = "close";
        }

        return Task.CompletedTask;
    }
}
