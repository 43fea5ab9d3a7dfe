using System.Collections.Concurrent;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd.Lab;

/// <param name="PerSecond">Answers per second over the whole load.</param>
public sealed record LoadResult(IReadOnlyCollection<Exchange> Exchanges, double PerSecond);

/// <summary>So many clients, each on a kept connection, that ask again as soon as they are answered, until all has been asked.</summary>
public static class ClosedLoad
{
    /// <param name="targets">Asked for in turn.</param>
    public static async Task<LoadResult> RunAsync(int port, IReadOnlyList<string> targets, int requests, int atATime, CancellationToken cancellationToken)
    {
        var exchanges = new ConcurrentBag<Exchange>();
        var next = -1;
        var started = TimeProvider.System.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, atATime).Select(_ => Task.Run(ClientAsync, cancellationToken)));
        return new LoadResult(exchanges, requests / TimeProvider.System.GetElapsedTime(started).TotalSeconds);

        async Task ClientAsync()
        {
            RawClient? client = null;
            try
            {
                int number;
                while ((number = Interlocked.Increment(ref next)) < requests)
                {
                    client ??= await RawClient.ConnectAsync(port, cancellationToken);
                    var (exchange, closes) = await Exchange.AskAsync(client, targets[number % targets.Count], cancellationToken);
                    exchanges.Add(exchange);
                    if (closes)
                    {
                        await client.DisposeAsync();
                        client = null;
                    }
                }
            }
            finally
            {
                await (client?.DisposeAsync() ?? ValueTask.CompletedTask);
            }
        }
    }
}
