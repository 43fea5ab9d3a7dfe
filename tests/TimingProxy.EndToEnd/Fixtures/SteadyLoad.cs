using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;

namespace TimingProxy.EndToEnd.Fixtures;

/// <summary>What became of one request.</summary>
public enum Outcome
{
    Answered,

    /// <summary>No connection was to be had, so nothing was asked.</summary>
    Refused,

    /// <summary>The request was sent, and no whole answer came.</summary>
    Failed,
}

/// <param name="At">When the request was out of our hands (or the connection refused), as a timestamp.</param>
/// <param name="Received">Bytes of the answer that came.</param>
public sealed record Attempt(Outcome Outcome, long At, long Received, bool ToldToClose, string What);

/// <summary>
/// Clients that ask without a pause until they are stopped: some on kept connections, some on a new one each time. A kept
/// connection that the server has closed while nothing was asked is no failure, and neither is its next use: it is
/// looked at before each request.
/// </summary>
public sealed class SteadyLoad : IAsyncDisposable
{
    private static readonly TimeProvider Time = TimeProvider.System;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentQueue<Attempt> _attempts = new();
    private readonly int _port;
    private readonly byte[] _request;
    private readonly Task _clients;

    public SteadyLoad(int port, int keptConnections, int newConnections, string target = "/")
    {
        _port = port;
        _request = Encoding.ASCII.GetBytes(RawClient.Get(target));
        _clients = Task.WhenAll(Enumerable.Range(0, keptConnections + newConnections).Select(n => Task.Run(() => AskAsync(n < keptConnections))));
    }

    public IReadOnlyCollection<Attempt> Attempts => _attempts;

    public int Answered => _attempts.Count(a => a.Outcome == Outcome.Answered);

    private int Failed => _attempts.Count(a => a.Outcome == Outcome.Failed);

    /// <summary>Waits until that many more requests have been answered.</summary>
    public Task AnsweredMoreAsync(int count, CancellationToken cancellationToken)
    {
        var wanted = Answered + count;
        return Until.TrueAsync(
            () => Task.FromResult(Answered >= wanted),
            () => $"Only {Answered} of {wanted} requests were answered: {string.Join('\n', _attempts.TakeLast(5))}",
            cancellationToken);
    }

    /// <summary>Waits until one more request has failed.</summary>
    public Task FailedOnceMoreAsync(CancellationToken cancellationToken)
    {
        var before = Failed;
        return Until.TrueAsync(() => Task.FromResult(Failed > before), () => "No request failed.", cancellationToken);
    }

    public async Task<IReadOnlyCollection<Attempt>> StopAsync()
    {
        await _stopping.CancelAsync();
        await _clients;
        return _attempts;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stopping.Dispose();
    }

    private async Task AskAsync(bool keep)
    {
        RawClient? client = null;
        while (!_stopping.IsCancellationRequested)
        {
            if (client is null || client.ClosedByPeer)
            {
                await CloseAsync(client);
                client = await ConnectAsync();
                if (client is null)
                {
                    continue;
                }
            }

            var attempt = await AskOnceAsync(client);
            _attempts.Enqueue(attempt);
            if (!keep || attempt.ToldToClose || attempt.Outcome != Outcome.Answered)
            {
                await CloseAsync(client);
                client = null;
            }
        }

        await CloseAsync(client);
    }

    private async Task<RawClient?> ConnectAsync()
    {
        try
        {
            return await RawClient.ConnectAsync(_port, CancellationToken.None);
        }
        catch (SocketException e)
        {
            _attempts.Enqueue(new Attempt(Outcome.Refused, Time.GetTimestamp(), 0, false, e.SocketErrorCode.ToString()));
            await Task.Delay(5, CancellationToken.None);
            return null;
        }
    }

    /// <summary>Is never cut short: stopping the load must not look like a failure.</summary>
    private async Task<Attempt> AskOnceAsync(RawClient client)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var sent = Time.GetTimestamp();
        try
        {
            await client.SendAsync(_request, limit.Token);
            sent = Time.GetTimestamp();
            var answer = await client.ReceiveAsync(limit.Token);
            return answer.Status == 200
                ? new Attempt(Outcome.Answered, sent, client.Received, answer.Head.Closes, answer.Text)
                : new Attempt(Outcome.Failed, sent, client.Received, answer.Head.Closes, $"{answer.Head.StartLine}: {answer.Text}");
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            return new Attempt(Outcome.Failed, sent, client.Received, false, e.Message);
        }
    }

    private static ValueTask CloseAsync(RawClient? client) => client?.DisposeAsync() ?? ValueTask.CompletedTask;
}
