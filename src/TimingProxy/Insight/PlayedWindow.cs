namespace TimingProxy.Insight;

/// <summary>A window as it is played again.</summary>
/// <param name="Arrivals">Requests that came.</param>
/// <param name="MeanService">Seconds that a worker has with one of them.</param>
internal readonly record struct PlayedWindow(double Start, double Seconds, int Arrivals, double MeanService)
{
    /// <summary>
    /// Mean service times are those of stretches of windows, as far as these differ by more than chance (<paramref name="variation"/> of the services)
    /// explains. What is chance is played as such, and would count twice.
    /// </summary>
    public static PlayedWindow[] Of(IReadOnlyList<LevelWindow> windows, int workers, double variation)
    {
        // 1. Time that workers were busy, by answer (Little's law of the workers).
        LevelWindow[][] stretches = [.. windows.Chunk(ServiceVariation.StretchWindows)];
        double[] answers = [.. stretches.Select(stretch => stretch.Sum(window => window.Departures))];
        double[] busy = [.. stretches.Select(stretch => stretch.Sum(window => BusySeconds(window, workers)))];
        double all = answers.Sum();
        double mean = all > 0 ? busy.Sum() / all : 0;

        // 2. The variance of their means, and what chance has in it.
        double chance = variation * variation * mean * mean;
        double squares = 0;
        double unequal = all;
        for (int i = 0; i < stretches.Length; i++)
        {
            double deviation = answers[i] > 0 ? (busy[i] / answers[i]) - mean : 0;
            squares += answers[i] * deviation * deviation;
            unequal -= all > 0 ? answers[i] * answers[i] / all : 0;
        }

        double between = unequal > 0 ? Math.Max(0, squares - ((stretches.Length - 1) * chance)) / unequal : 0;

        // 3. The fewer answers a stretch has, the less its own mean counts.
        var played = new PlayedWindow[windows.Count];
        double start = 0;
        int place = 0;
        for (int i = 0; i < stretches.Length; i++)
        {
            double own = between > 0 && answers[i] > 0 ? between / (between + (chance / answers[i])) : 0;
            double service = own > 0 ? mean + (own * ((busy[i] / answers[i]) - mean)) : mean;
            foreach (var window in stretches[i])
            {
                played[place++] = new PlayedWindow(start, window.Seconds, (int)Math.Round(window.Arrivals), service);
                start += window.Seconds;
            }
        }

        return played;
    }

    private static double BusySeconds(LevelWindow window, int workers) => window.Cells.Sum(cell => cell.Seconds * Math.Min(cell.InFlight, workers));
}
