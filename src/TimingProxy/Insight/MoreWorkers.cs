namespace TimingProxy.Insight;

/// <summary>Latency quantiles in milliseconds.</summary>
internal readonly record struct Quantiles(double P50Ms, double P99Ms);

/// <summary>
/// What more workers would give at the observed arrivals: plays the windows again (<see cref="Replay"/>) with W and with more, and corrects the play with
/// more by what was observed over the play with W. Service times differ from each other as much as they did (<see cref="ServiceVariation"/>).
/// </summary>
internal static class MoreWorkers
{
    // What can be played in some milliseconds. Fewer are played several times, of more so many, in pieces from all over the time.
    private const int MostRequests = 20_000;

    // A line behind many workers takes more requests to become what it is; but all of it is not to go into that.
    private const int LeastUncounted = 400;
    private const int UncountedByWorker = 4;
    private const int PieceOverUncounted = 5;

    /// <summary>The workers that a limit stands for.</summary>
    public static int Workers(double limit) => Math.Max(1, (int)Math.Round(limit));

    /// <summary>Quantiles with one more than the <see cref="Workers"/> of <paramref name="limit"/>, and with twice as many.</summary>
    public static (Quantiles OneMore, Quantiles Twice) Predict(IReadOnlyList<LevelWindow> windows, double limit, Quantiles observed)
    {
        int workers = Workers(limit);
        double variation = ServiceVariation.Of(windows, workers);
        var played = PlayedWindow.Of(windows, workers, variation);
        long requests = played.Sum(window => (long)window.Arrivals);
        if (requests == 0)
        {
            return (observed, observed);
        }

        WorkersLine[] lines = [new(workers, MostRequests), new(workers + 1, MostRequests), new(workers * 2, MostRequests)];
        var replay = new Replay(played, variation, lines);
        if (requests <= MostRequests)
        {
            for (long times = MostRequests / requests; times > 0; times--)
            {
                replay.Run(pieces: 1, (int)requests, uncounted: 0);
            }
        }
        else
        {
            int uncounted = Math.Clamp(workers * UncountedByWorker, LeastUncounted, MostRequests / PieceOverUncounted);
            int length = uncounted * PieceOverUncounted;
            replay.Run(MostRequests / length, length, uncounted);
        }

        var now = lines[0].Quantiles();
        return (Corrected(observed, lines[1].Quantiles(), now), Corrected(observed, lines[2].Quantiles(), now));
    }

    private static Quantiles Corrected(Quantiles observed, Quantiles more, Quantiles now) =>
        new(Corrected(observed.P50Ms, more.P50Ms, now.P50Ms), Corrected(observed.P99Ms, more.P99Ms, now.P99Ms));

    /// <summary>
    /// What is played, times how far off the play is now, as far as that stays: where nearly all of the latency goes, so does what the play has
    /// wrong about it.
    /// </summary>
    private static double Corrected(double observed, double more, double now)
    {
        double stays = now > 0 ? Math.Min(1, more / now) : 1;
        return now > 0 ? Math.Min(observed, now * stays * Math.Pow(observed / now, stays)) : observed;
    }
}
