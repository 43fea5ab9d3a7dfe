using System.Collections.Concurrent;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>Backends close idle connections; the proxy must not send a request on one that is about to go.</summary>
public sealed class KeepAliveTests
{
    private const string Post = "POST / HTTP/1.1\r\nHost: legacy.example\r\nContent-Length: 4\r\n\r\nbody";

    private static readonly TimeProvider Time = TimeProvider.System;

    /// <summary>
    /// A post cannot be sent again, so one that crosses the backend's close is lost. This backend is at its worst: a request
    /// that comes on a connection idle for longer than <c>Upstream:KeepAlive</c> (1 s, and 0.2 s for a slow machine) always crosses it.
    /// </summary>
    [Fact]
    public async Task Post_AfterIdleTime_IsNeverSentOnAnOldConnection()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var idleSince = new ConcurrentDictionary<Socket, long>();
        var answering = RawBackend.Answering("hello");
        await using var backend = new RawBackend(async (request, connection, token) =>
        {
            if (idleSince.TryGetValue(connection, out var since) && Time.GetElapsedTime(since) > TimeSpan.FromSeconds(1.2))
            {
                return false;
            }

            var goesOn = await answering(request, connection, token);
            idleSince[connection] = Time.GetTimestamp();
            return goesOn;
        });
        await using var proxy = await ProxyProcess.InFrontOfAsync(backend.Port, cancellationToken);
        int[] pausesMs = [300, 1250, 1400, 1600, 1800, 1950, 2050, 2300];

        var lost = new List<string>();
        foreach (var pauseMs in pausesMs)
        {
            await PostAsync(proxy.Port, cancellationToken);
            await Task.Delay(pauseMs, cancellationToken);
            var answer = await PostAsync(proxy.Port, cancellationToken);
            if (answer.Status != 200)
            {
                lost.Add($"after {pauseMs} ms of idling: {answer.Text}");
            }
        }

        Assert.True(lost.Count == 0, string.Join("", lost));

        Assert.True(idleSince.Count < 2 * pausesMs.Length, "No connection was ever used again, not even a fresh one.");
    }

    /// <summary>
    /// A close that is there before the request is no race: the proxy may not yet have been told of it, but it asks when it takes a
    /// connection. So not one post may be lost, however soon it comes.
    /// </summary>
    [Fact]
    public async Task Post_AfterBackendHasClosed_IsNeverLost()
    {
        const int Rounds = 200;
        var cancellationToken = TestContext.Current.CancellationToken;
        var answering = RawBackend.Answering("hello");
        await using var backend = new RawBackend(async (request, connection, token) =>
        {
            await answering(request, connection, token);
            return false;
        });
        await using var proxy = await ProxyProcess.InFrontOfAsync(backend.Port, cancellationToken);
        await using var client = await RawClient.ConnectAsync(proxy.Port, cancellationToken);

        var statuses = new List<int>();
        for (var round = 0; round < Rounds; round++)
        {
            await client.SendAsync(Encoding.ASCII.GetBytes(Post), cancellationToken);
            statuses.Add((await client.ReceiveAsync(cancellationToken)).Status);
            // From the backend's close on, the kernel says CLOSE_WAIT of the proxy's end, whatever the proxy knows.
            await Until.TrueAsync(
                () => Task.FromResult(!IsProxyConnected(backend.Port)), () => "The backend's close did not arrive.", cancellationToken);
        }

        Assert.All(statuses, status => Assert.Equal(200, status));
        Assert.Equal(Rounds, backend.Requests);
    }

    /// <summary>The backend may have begun to work on what it was sent, so only what may be done twice is sent again (RFC 9110 section 9.2.2).</summary>
    [Theory]
    [InlineData("GET", false, 200)]
    [InlineData("GET", true, 200)]
    [InlineData("DELETE", true, 200)]
    [InlineData("PROPFIND", true, 200)]
    [InlineData("POST", false, 502)]
    [InlineData("POST", true, 502)]
    [InlineData("PATCH", true, 502)]
    [InlineData("PURGE", false, 502)]
    public async Task Request_OnUsedConnectionThatBreaks_IsSentAgainOnlyWhereItsMethodIsIdempotent(string method, bool resets, int status)
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var used = new ConcurrentDictionary<Socket, bool>();
        var answering = RawBackend.Answering("hello");
        await using var backend = new RawBackend((request, connection, token) =>
            used.TryAdd(connection, true) ? answering(request, connection, token)
            : resets ? RawBackend.Reset(request, connection, token)
            : Task.FromResult(false));
        await using var proxy = await ProxyProcess.InFrontOfAsync(backend.Port, cancellationToken);
        Assert.Equal(200, (await proxy.GetAsync("/", cancellationToken)).Status);

        var answer = await RawClient.OnceAsync(proxy.Port, RawClient.Get("/", method: method), cancellationToken);

        Assert.Equal(status, answer.Status);
        Assert.Equal(status == 200 ? 3 : 2, backend.Requests);
    }

    private static bool IsProxyConnected(int backendPort) => IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpConnections()
        .Any(end => end.RemoteEndPoint.Port == backendPort && end.State == TcpState.Established);

    private static Task<RawResponse> PostAsync(int port, CancellationToken cancellationToken) => RawClient.OnceAsync(port, Post, cancellationToken);
}
