using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;
using TimingProxy.Settings;

namespace TimingProxy.Health;

/// <summary>How many requests there are at the moment, upgraded connections among them.</summary>
internal delegate int RequestsUnderWay();

/// <summary>
/// The server, which is told by the host when <c>Health:DrainTimeout</c> is over, and then cuts off what is still under way. Before it is passed
/// on, that is said, with the number: afterwards nobody could tell these requests from those whose clients have left.
/// </summary>
internal sealed partial class DrainLimit(IServer server, RequestsUnderWay underWay, LiveSettings settings, ILogger<DrainLimit> logger) : IServer
{
    public IFeatureCollection Features => server.Features;

    public Task StartAsync<TContext>(IHttpApplication<TContext> application, CancellationToken cancellationToken)
        where TContext : notnull => server.StartAsync(application, cancellationToken);

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        using var over = new CancellationTokenSource();
        await using var registration = cancellationToken.Register(() =>
        {
            if (underWay() is > 0 and var count)
            {
                LogCut(Duration.Format(settings.Current.Health.DrainTimeout), count);
            }

            over.Cancel();
        });
        await server.StopAsync(over.Token);
    }

    /// <summary>The container made the server, and disposes it.</summary>
    public void Dispose()
    {
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Health:DrainTimeout ({Timeout}) is over: requests that are cut off: {Count}")]
    private partial void LogCut(string timeout, int count);
}
