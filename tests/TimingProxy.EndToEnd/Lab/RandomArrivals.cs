using System.Collections.Concurrent;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd.Lab;

/// <param name="At">After the start of the load.</param>
public sealed record Arrival(TimeSpan At, string Target);

/// <summary>
/// Requests that come when they come, however long the earlier ones take: what the public does. Arrivals are random, from a seed, so
/// that two backends can be given the very same ones.
/// </summary>
public static class RandomArrivals
{
    /// <summary>A rate that climbs from low to high again and again.</summary>
    /// <param name="targets">One of them each time, by chance; one that is named twice is as likely again.</param>
    public static IReadOnlyList<Arrival> Climbing(int seconds, double fromPerSecond, double toPerSecond, int climbSeconds, params string[] targets)
    {
        var random = new Random(20);
        var arrivals = new List<Arrival>();
        var at = 0.0;
        while (true)
        {
            var rate = fromPerSecond + ((toPerSecond - fromPerSecond) * (at % climbSeconds) / climbSeconds);
            at -= Math.Log(1 - random.NextDouble()) / rate;
            if (at >= seconds)
            {
                return arrivals;
            }

            arrivals.Add(new Arrival(TimeSpan.FromSeconds(at), targets[random.Next(targets.Length)]));
        }
    }

    public static async Task<IReadOnlyCollection<Exchange>> RunAsync(int port, IReadOnlyList<Arrival> arrivals, CancellationToken cancellationToken)
    {
        var exchanges = new ConcurrentBag<Exchange>();
        var idle = new ConcurrentBag<RawClient>();
        var time = TimeProvider.System;
        var started = time.GetTimestamp();
        var asked = new List<Task>();
        foreach (var arrival in arrivals)
        {
            var wait = arrival.At - time.GetElapsedTime(started);
            if (wait > TimeSpan.Zero)
            {
                await Task.Delay(wait, time, cancellationToken);
            }

            asked.Add(AskAsync(arrival.Target));
        }

        await Task.WhenAll(asked);
        foreach (var client in idle)
        {
            await client.DisposeAsync();
        }

        return exchanges;

        async Task AskAsync(string target)
        {
            if (!idle.TryTake(out var client))
            {
                client = await RawClient.ConnectAsync(port, cancellationToken);
            }

            var (exchange, closes) = await Exchange.AskAsync(client, target, cancellationToken);
            exchanges.Add(exchange);
            if (closes)
            {
                await client.DisposeAsync();
            }
            else
            {
                idle.Add(client);
            }
        }
    }
}
