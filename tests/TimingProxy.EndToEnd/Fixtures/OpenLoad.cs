using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace TimingProxy.EndToEnd.Fixtures;

/// <param name="Status">0 where the connection broke.</param>
/// <param name="What">The text of the answer, or why there is none.</param>
/// <param name="RenderMs">What the proxy says the upstream took; 0 where it says nothing.</param>
public sealed record OpenAnswer(int Status, string What, TimeSpan Took, double RenderMs, bool HasRetryAfter);

/// <summary>Requests at a rate that does not depend on the answers, as from many clients who know nothing of each other.</summary>
public static class OpenLoad
{
    private static readonly TimeProvider Time = TimeProvider.System;
    private static readonly byte[] Request = Encoding.ASCII.GetBytes(RawClient.Get("/"));

    public static async Task<IReadOnlyCollection<OpenAnswer>> RunAsync(int port, double perSecond, TimeSpan length, CancellationToken cancellationToken)
    {
        var begin = Time.GetTimestamp();
        var free = new ConcurrentBag<RawClient>();
        var asked = new List<Task<OpenAnswer>>();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (Time.GetElapsedTime(begin) is var elapsed && elapsed < length)
        {
            while (asked.Count < elapsed.TotalSeconds * perSecond)
            {
                asked.Add(AskAsync(port, free, cancellationToken));
            }

            await timer.WaitForNextTickAsync(cancellationToken);
        }

        var answers = await Task.WhenAll(asked);
        foreach (var client in free)
        {
            await client.DisposeAsync();
        }

        return answers;
    }

    private static async Task<OpenAnswer> AskAsync(int port, ConcurrentBag<RawClient> free, CancellationToken cancellationToken)
    {
        var begin = Time.GetTimestamp();
        RawClient? client = null;
        try
        {
            client = free.TryTake(out var used) ? used : await RawClient.ConnectAsync(port, cancellationToken);
            await client.SendAsync(Request, cancellationToken);
            var answer = await client.ReceiveAsync(cancellationToken);
            free.Add(client);
            var renderMs = double.Parse(answer.Head.Value("X-Render-MS") ?? "0", CultureInfo.InvariantCulture);
            return new OpenAnswer(answer.Status, answer.Text, Time.GetElapsedTime(begin), renderMs, answer.Head.Value("Retry-After") is not null);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            await (client?.DisposeAsync() ?? ValueTask.CompletedTask);
            return new OpenAnswer(0, e.Message, Time.GetElapsedTime(begin), 0, false);
        }
    }
}
