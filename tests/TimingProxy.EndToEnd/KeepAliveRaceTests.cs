using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>
/// A backend that closes idle connections at random moments, as one does whose keep-alive is as short as the pauses between requests. A
/// request that crosses the close on the wire is lost to any proxy, and one that may be done twice is sent again. nginx is asked the same in
/// the same run, for the page of results: nothing is asserted of its rate, nor of the rate of POST beside it, for both are the luck of the
/// microseconds between the choice of a connection and the first byte on it. What is no luck is in <see cref="KeepAliveTests"/>.
/// </summary>
[Trait(RunLength.Trait, RunLength.Any)]
public sealed class KeepAliveRaceTests
{
    private const int ClientsEach = 6;
    private const int LongestPauseMs = 20;

    [Fact]
    public async Task IdleConnections_ClosedAtRandom_LoseHardlyAGet()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var length = TimeSpan.FromSeconds(RunLength.Of("RACE_SECONDS", inTheGate: 6));
        await using var backend = new RawBackend(ClosingAtRandom());
        await using var proxy = await ProxyProcess.InFrontOfAsync(backend.Port, cancellationToken);
        await using var nginx = await Nginx.InFrontOfAsync(backend.Port, cancellationToken);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        end.CancelAfter(length);

        Lane[] lanes =
        [
            new("TimingProxy", "GET", proxy.Port), new("TimingProxy", "POST", proxy.Port), new("nginx", "GET", nginx.Port), new("nginx", "POST", nginx.Port),
        ];
        await Task.WhenAll(lanes.SelectMany(lane => Enumerable.Range(0, ClientsEach).Select(_ => Task.Run(() => lane.AskAsync(end.Token), cancellationToken))));

        await RunLength.WriteResultAsync("keep-alive-race.md", Page(lanes, length), cancellationToken);
        Assert.All(lanes, lane => Assert.True(lane.Asked > 200, $"{lane.Proxy} was asked only {lane.Asked} times."));
        Assert.All(lanes, lane => Assert.Empty(lane.Otherwise));
        var (get, post) = (lanes[0], lanes[1]);
        // The handler sends again three times, and each time may take a connection that is about to be closed.
        Assert.True(get.Lost <= Math.Max(1, post.Lost / 50), $"{get} and {post}:\n{string.Join('\n', proxy.Process.Errors.Split('\n').Where(line => line.Contains("502 to GET", StringComparison.Ordinal)))}");
    }

    private static Behaviour ClosingAtRandom()
    {
        var answering = RawBackend.Answering("hello");
        var uses = new ConcurrentDictionary<Socket, int>();
        return async (request, connection, cancellationToken) =>
        {
            uses.AddOrUpdate(connection, 1, (_, n) => n + 1);
            var goesOn = await answering(request, connection, cancellationToken);
            _ = CloseIfIdleAsync(connection, uses[connection], uses, cancellationToken);
            return goesOn;
        };
    }

    private static async Task CloseIfIdleAsync(Socket connection, int use, ConcurrentDictionary<Socket, int> uses, CancellationToken cancellationToken)
    {
        var wait = Random.Shared.Next(2 * LongestPauseMs);
        await Task.Delay(wait, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        // Whether a request is on its way is what a backend cannot know.
        if (uses.TryGetValue(connection, out var now) && now == use && uses.TryRemove(connection, out _))
        {
            connection.Dispose();
        }
    }

    private static string Page(IEnumerable<Lane> lanes, TimeSpan length) => string.Create(CultureInfo.InvariantCulture, $"""
        # Requests lost to idle connections that the backend closes

        Made by `RESULTS=$PWD/docs/results RACE_SECONDS={length.TotalSeconds} dotnet test --project tests/TimingProxy.EndToEnd --filter-class
        TimingProxy.EndToEnd.KeepAliveRaceTests`. The backend closes each connection at a random moment within {2 * LongestPauseMs} ms of its last answer;
        {ClientsEach} clients a line pause up to {LongestPauseMs} ms between requests. Debian's nginx, as a proxy with `keepalive`, runs beside, before the same backend.

        | proxy | method | requests | lost (502) | in 10,000 |
        |---|---|---|---|---|
        {string.Join('\n', lanes.Select(lane => string.Create(CultureInfo.InvariantCulture, $"| {lane.Proxy} | {lane.Method} | {lane.Asked} | {lane.Lost} | {lane.PerTenThousand:F1} |")))}

        """);

    /// <summary>One method through one proxy.</summary>
    private sealed class Lane(string proxy, string method, int port)
    {
        private readonly byte[] _request = Encoding.ASCII.GetBytes(method == "GET"
            ? RawClient.Get("/")
            : RawClient.Get("/", method: "POST", headers: "Content-Length: 4\r\n") + "body");

        private int _asked;
        private int _lost;

        public string Proxy => proxy;

        public string Method => method;

        public int Asked => _asked;

        public int Lost => _lost;

        public double PerTenThousand => 10_000.0 * _lost / Math.Max(1, _asked);

        /// <summary>Answers that are neither right nor a 502.</summary>
        public ConcurrentQueue<string> Otherwise { get; } = [];

        public async Task AskAsync(CancellationToken end)
        {
            await using var client = await RawClient.ConnectAsync(port, CancellationToken.None);
            while (!end.IsCancellationRequested)
            {
                await client.SendAsync(_request, CancellationToken.None);
                var answer = await client.ReceiveAsync(CancellationToken.None);
                Interlocked.Increment(ref _asked);
                if (answer.Status == 502)
                {
                    Interlocked.Increment(ref _lost);
                }
                else if (answer.Text != "hello")
                {
                    Otherwise.Enqueue($"{answer.Head.StartLine}: {answer.Text}");
                }

                await Task.Delay(Random.Shared.Next(LongestPauseMs), CancellationToken.None);
            }
        }

        public override string ToString() => $"{proxy}: {_lost} of {_asked} lost, {PerTenThousand:F1} in 10,000";
    }
}
