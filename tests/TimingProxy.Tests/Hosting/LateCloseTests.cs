using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.Time.Testing;
using TimingProxy.Hosting;

namespace TimingProxy.Tests.Hosting;

public sealed class LateCloseTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly Server _server = new();

    public void Dispose() => _server.Dispose();

    [Fact]
    public async Task ServerCloses_ConnectionWithBytesOnTheirWay_IsToldAMomentLater()
    {
        var (seen, end) = Connect();

        _server.Close();

        Assert.False(seen.ConnectionClosedRequested.IsCancellationRequested);
        _time.Advance(TimeSpan.FromMilliseconds(100));
        Assert.True(seen.ConnectionClosedRequested.IsCancellationRequested);
        await end();
    }

    [Fact]
    public async Task RequestClose_OfOneConnection_IsObeyedAtOnce()
    {
        var (seen, end) = Connect();

        seen.RequestClose();

        Assert.True(seen.ConnectionClosedRequested.IsCancellationRequested);
        Assert.True(_server.WasAsked);
        await end();
    }

    [Fact]
    public async Task ServerCloses_AfterConnectionEnded_LeavesNothingBehind()
    {
        var (seen, end) = Connect();
        await end();

        _server.Close();
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.False(seen.ConnectionClosedRequested.IsCancellationRequested);
    }

    /// <summary>What the connection sees behind the middleware, and how to end it.</summary>
    private (IConnectionLifetimeNotificationFeature Seen, Func<Task> End) Connect()
    {
        var ended = new TaskCompletionSource();
        var connection = new DefaultConnectionContext();
        connection.Features.Set<IConnectionLifetimeNotificationFeature>(_server);
        var running = LateClose.Middleware(_time)(_ => ended.Task)(connection);
        return (connection.Features.Get<IConnectionLifetimeNotificationFeature>()!, () =>
        {
            ended.SetResult();
            return running;
        }
        );
    }

    private sealed class Server : IConnectionLifetimeNotificationFeature, IDisposable
    {
        private readonly CancellationTokenSource _closing = new();

        public Server() => ConnectionClosedRequested = _closing.Token;

        public CancellationToken ConnectionClosedRequested { get; set; }

        public bool WasAsked { get; private set; }

        public void RequestClose() => WasAsked = true;

        public void Close() => _closing.Cancel();

        public void Dispose() => _closing.Dispose();
    }
}
