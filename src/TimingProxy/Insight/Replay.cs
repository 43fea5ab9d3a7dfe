namespace TimingProxy.Insight;

/// <summary>
/// Plays windows again: each has as many arrivals as it had, at random moments. The same requests, with the same log-normal service times, go to all of the
/// lines. Chance begins with the same seed each time.
/// </summary>
/// <param name="variation">Coefficient of variation of service times.</param>
internal sealed class Replay(PlayedWindow[] windows, double variation, WorkersLine[] lines)
{
    private readonly Random _random = new(1);

    // Variance and standard deviation of the logarithm.
    private readonly double _variance = Math.Log(1 + (variation * variation));
    private readonly double _spread = Math.Sqrt(Math.Log(1 + (variation * variation)));
    private readonly long _requests = windows.Sum(window => (long)window.Arrivals);

    /// <summary>
    /// Plays <paramref name="pieces"/> of <paramref name="length"/> requests each, that begin at equal distances, the first with the first request. The first
    /// <paramref name="uncounted"/> of each make the line and do not count. Between pieces the work that comes in and is done is only
    /// added up, so that a line of minutes is there when the next one begins.
    /// </summary>
    public void Run(int pieces, int length, int uncounted)
    {
        int begun = 0;
        int left = 0;
        long passed = 0;
        Pause(0, isEmpty: true);
        foreach (var window in windows)
        {
            // Share of the window that has passed, and requests that come in the rest of it.
            double moment = 0;
            int toCome = window.Arrivals;
            while (toCome > 0)
            {
                if (left > 0)
                {
                    // The first of so many moments.
                    moment += (1 - moment) * (1 - Math.Pow(1 - _random.NextDouble(), 1.0 / toCome));
                    double at = window.Start + (moment * window.Seconds);
                    Serve(at, window.MeanService, counts: length - left >= uncounted);
                    toCome--;
                    passed++;
                    if (--left == 0)
                    {
                        Pause(at, isEmpty: false);
                    }
                }
                else
                {
                    long next = begun < pieces ? _requests * begun / pieces : _requests;
                    int skipped = (int)Math.Min(toCome, next - passed);
                    double share = (1 - moment) * skipped / toCome;
                    Pass(skipped * window.MeanService, share * window.Seconds);
                    moment += share;
                    toCome -= skipped;
                    passed += skipped;
                    if (toCome > 0)
                    {
                        Resume(window.Start + (moment * window.Seconds));
                        left = length;
                        begun++;
                    }
                }
            }

            if (left == 0)
            {
                Pass(0, (1 - moment) * window.Seconds);
            }
        }
    }

    private void Serve(double at, double meanService, bool counts)
    {
        double service = meanService * Math.Exp((_spread * Normal()) - (_variance / 2));
        foreach (var line in lines)
        {
            line.Serve(at, service, counts);
        }
    }

    private void Pause(double at, bool isEmpty)
    {
        foreach (var line in lines)
        {
            line.Pause(at, isEmpty);
        }
    }

    private void Pass(double work, double seconds)
    {
        foreach (var line in lines)
        {
            line.Pass(work, seconds);
        }
    }

    private void Resume(double at)
    {
        foreach (var line in lines)
        {
            line.Resume(at);
        }
    }

    private double Normal() => Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(2 * Math.PI * _random.NextDouble());
}
