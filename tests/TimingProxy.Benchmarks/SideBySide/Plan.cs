namespace TimingProxy.Benchmarks.SideBySide;

/// <summary>How long everything is looked at, and how often.</summary>
/// <param name="Starts">Of each peer, of which the last one stays.</param>
/// <param name="Rounds">Each peer has its turn once in a round, so that what changes on the machine meets all of them.</param>
/// <param name="Seconds">Of a load that is as much as goes.</param>
/// <param name="RateSeconds">Of a load at a fixed rate.</param>
/// <param name="ClockSeconds">Of each load that the clock is looked at under.</param>
/// <param name="ScrapeSeconds">Of each turn with scrapes and without.</param>
internal sealed record Plan(string Name, int Starts, int Rounds, double Seconds, double RateSeconds, double ClockSeconds, double ScrapeSeconds, int[] Connections, int[] Rates)
{
    public static readonly Plan Full = new("full", 7, 3, 2, 4, 6, 20, [1, 32, 256, 1024], [100, 1000, 5000]) { WithBodies = true };

    /// <summary>Two to three minutes, for work on the request path.</summary>
    public static readonly Plan Quick = new("quick", 3, 3, 1, 2, 3, 10, [32], [1000]);

    /// <summary>Half a minute: whether it all works; its figures mean nothing.</summary>
    public static readonly Plan Smoke = new("smoke", 1, 1, 1, 1, 1, 5, [32], [100]) { WithBodies = true };

    /// <summary>Whether large bodies are sent up and down as well.</summary>
    public bool WithBodies { get; init; }
}
