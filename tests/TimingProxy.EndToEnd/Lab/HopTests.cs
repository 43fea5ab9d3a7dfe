using System.Globalization;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd.Lab;

/// <summary>
/// What it costs to leave the event loop for a thread and come back: the same empty view under uvicorn in stacks that differ in
/// nothing else. Rounds alternate between the stacks, so that a machine that gets slower meanwhile is slower for all of them.
/// </summary>
public sealed class HopTests
{
    private const int Many = 20;

    /// <summary>One route for the view in both its forms, as `compare` sets like against like.</summary>
    private static readonly (string Name, string Value) AnyView = ("METRICS__ROUTES", "/{**view}");

    private static readonly Stack[] Stacks =
    [
        new("async to the end", "async-timing", "off", "/async/fast"),
        new("sandwich: one sync-only middleware between two async ones", "async-timing,sync-only,async-only", "off", "/async/fast"),
        new("sync to the end", "sync-timing", "off", "/fast"),
        new("async, and Django's own five middlewares", "async-timing", "on", "/async/fast"),
    ];

    [Fact]
    public async Task Compare_OfAsyncAndSandwich_SaysWorse()
    {
        // Of any other build, most of what is measured with one client is its own compilation.
        ProxyProcess.RequireNative();
        var cancellationToken = TestContext.Current.CancellationToken;
        var rounds = LabRun.Size(inShort: 3, inFull: 20);
        var (atOne, atMany) = (LabRun.Size(100, 400), LabRun.Size(300, 1500));
        var measured = new List<Measured>();
        try
        {
            foreach (var stack in Stacks)
            {
                measured.Add(await Measured.StartAsync(stack, cancellationToken));
            }

            for (var round = 0; round < rounds; round++)
            {
                foreach (var stack in round % 2 == 0 ? measured : measured.AsEnumerable().Reverse())
                {
                    await stack.MeasureAsync(atOne, atMany, cancellationToken);
                }
            }

            foreach (var stack in measured)
            {
                await stack.ReadAsync(rounds * atOne, rounds * atMany, cancellationToken);
            }

            var rows = new List<string[]>();
            foreach (var stack in measured)
            {
                rows.Add(await RowAsync(measured[0], stack, cancellationToken));
            }

            await new ResultsFile("hop", typeof(HopTests).FullName!)
                .Line(string.Create(CultureInfo.InvariantCulture, $"{rounds} rounds of {atOne} requests by 1 client and {atMany} by {Many}, uvicorn with one process. In brackets: 95 % intervals, of `compare` and of the rounds' means."))
                .Line("")
                .Table(["stack", "ms at 1", "added, by `compare`", "added, by rounds", $"ms at {Many}", "added, by `compare`", "added, by rounds", $"requests/s at {Many}"], rows)
                .WriteAsync(cancellationToken);

            // With many clients, who wait for one another, the difference is many times that of one, and no stall of the machine hides it.
            var sandwich = await Compare.RunAsync(measured[0].Many!, measured[1].Many!, cancellationToken);
            Assert.True(sandwich.ExitCode == Compare.Worse, sandwich.Table);
            Assert.Contains("/{**view}", sandwich.Table, StringComparison.Ordinal);
        }
        finally
        {
            foreach (var stack in measured)
            {
                await stack.DisposeAsync();
            }
        }
    }

    private static async Task<string[]> RowAsync(Measured all, Measured stack, CancellationToken cancellationToken)
    {
        var one = await Compare.RunAsync(all.One!, stack.One!, cancellationToken);
        var many = await Compare.RunAsync(all.Many!, stack.Many!, cancellationToken);
        var isFirst = stack == all;
        return
        [
            stack.Stack.Name,
            one.AfterMs.ToString("0.00", CultureInfo.InvariantCulture),
            isFirst ? "" : one.ChangeText,
            isFirst ? "" : MeanOfRounds.Of([.. stack.OneMs.Zip(all.OneMs, (s, a) => s - a)]).Text("+0.00;-0.00"),
            many.AfterMs.ToString("0.00", CultureInfo.InvariantCulture),
            isFirst ? "" : many.ChangeText,
            isFirst ? "" : MeanOfRounds.Of([.. stack.ManyMs.Zip(all.ManyMs, (s, a) => s - a)]).Text("+0.00;-0.00"),
            MeanOfRounds.Of(stack.PerSecond).Text("0"),
        ];
    }

    private sealed record Stack(string Name, string Middleware, string StockMiddleware, string Target);

    /// <summary>An app of one stack, and a proxy for each of the two loads, so that each has its own snapshot.</summary>
    private sealed class Measured(Stack stack, DjangoApp app, ProxyProcess one, ProxyProcess many) : IAsyncDisposable
    {
        public Stack Stack => stack;

        public List<double> OneMs { get; } = [];

        public List<double> ManyMs { get; } = [];

        public List<double> PerSecond { get; } = [];

        public InsightData? One { get; private set; }

        public InsightData? Many { get; private set; }

        public static async Task<Measured> StartAsync(Stack stack, CancellationToken cancellationToken)
        {
            var app = await DjangoApp.StartAsync("uvicorn", cancellationToken, stack.Middleware, settings: [("LEGACY_STOCK_MIDDLEWARE", stack.StockMiddleware)]);
            for (var i = 0; i < 50; i++)
            {
                await RawClient.GetAsync(app.Port, stack.Target, cancellationToken);
            }

            return new Measured(
                stack,
                app,
                await ProxyProcess.InFrontOfAsync(app.Port, cancellationToken, Exchange.StampSetting, AnyView),
                await ProxyProcess.InFrontOfAsync(app.Port, cancellationToken, Exchange.StampSetting, AnyView));
        }

        public async Task MeasureAsync(int atOne, int atMany, CancellationToken cancellationToken)
        {
            var quiet = await ClosedLoad.RunAsync(one.Port, [stack.Target], atOne, 1, cancellationToken);
            var busy = await ClosedLoad.RunAsync(many.Port, [stack.Target], atMany, HopTests.Many, cancellationToken);
            Assert.All(quiet.Exchanges.Concat(busy.Exchanges), exchange => Assert.Equal(200, exchange.Status));
            OneMs.Add(quiet.Exchanges.Average(exchange => exchange.ProxyMs));
            ManyMs.Add(busy.Exchanges.Average(exchange => exchange.ProxyMs));
            PerSecond.Add(busy.PerSecond);
        }

        public async Task ReadAsync(int atOne, int atMany, CancellationToken cancellationToken)
        {
            One = await InsightData.OfAsync(one, atOne, cancellationToken);
            Many = await InsightData.OfAsync(many, atMany, cancellationToken);
        }

        public async ValueTask DisposeAsync()
        {
            await one.DisposeAsync();
            await many.DisposeAsync();
            await app.DisposeAsync();
        }
    }
}
