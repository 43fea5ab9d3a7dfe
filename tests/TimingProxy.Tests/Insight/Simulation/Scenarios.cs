namespace TimingProxy.Tests.Insight.Simulation;

/// <summary>
/// The scenarios that the verdict is held against. The list of kinds is fixed; loads, service times, order and the traffic itself are drawn
/// from the seed, so that another seed is another set of backends.
/// </summary>
internal static class Scenarios
{
    private const double MostPerSecond = 700;

    private static readonly int[] Workers = [1, 2, 3, 4, 6, 8, 16, 32, 64];

    public static IReadOnlyList<Scenario> All(int seed)
    {
        var draw = new Random(seed);
        return [.. Limited(draw), .. Behind(draw), .. Unlimited(draw)];
    }

    /// <summary>Sync workers: every kind of traffic and service, and every twist that leaves the limit where it is.</summary>
    private static IEnumerable<Scenario> Limited(Random draw)
    {
        foreach (int workers in Workers)
        {
            foreach (var arrivals in Enum.GetValues<Arrivals>())
            {
                foreach (var service in Enum.GetValues<Service>())
                {
                    yield return Make(draw, workers, Between(draw, 0.4, 1.05), arrivals, service);
                }
            }

            foreach (var twist in (Twist[])[Twist.SlowDependency, Twist.LongSlowDown, Twist.Restarts, Twist.SlowClients, Twist.ScaledUp])
            {
                yield return Make(draw, workers, Between(draw, 0.45, 0.75), Arrivals.Poisson, OfNature(draw), twist);
                yield return Make(draw, workers, Between(draw, 0.6, 0.95), Arrivals.ClosedLoop, OfNature(draw), twist);
            }
        }
    }

    /// <summary>Pools and locks behind an async app.</summary>
    private static IEnumerable<Scenario> Behind(Random draw)
    {
        foreach (int workers in (int[])[1, 2, 3, 5, 10, 20])
        {
            foreach (var arrivals in (Arrivals[])[Arrivals.Poisson, Arrivals.Diurnal, Arrivals.ClosedLoop])
            {
                yield return Make(draw, workers, Between(draw, 0.6, 1), arrivals, OfNature(draw), share: Between(draw, 0.5, 0.95));
            }
        }

        foreach (double share in (double[])[0.3, 0.6, 0.9])
        {
            yield return Make(draw, 1, Between(draw, 0.6, 0.85), Arrivals.Poisson, OfNature(draw), Twist.LockConvoy, share);
            yield return Make(draw, 1, Between(draw, 0.6, 0.85), Arrivals.ClosedLoop, OfNature(draw), Twist.LockConvoy, share);
        }
    }

    /// <summary>Backends without a limit, and what makes them look as if they had one.</summary>
    private static IEnumerable<Scenario> Unlimited(Random draw)
    {
        foreach (double inFlight in (double[])[0.3, 1, 3, 8, 20, 50])
        {
            double around = inFlight * Between(draw, 0.8, 1.25);
            foreach (var arrivals in Enum.GetValues<Arrivals>())
            {
                foreach (var service in Enum.GetValues<Service>())
                {
                    yield return Make(draw, 0, around, arrivals, service);
                }
            }

            foreach (var twist in (Twist[])[Twist.SlowDependency, Twist.LongSlowDown, Twist.Restarts, Twist.SlowClients, Twist.Contention])
            {
                yield return Make(draw, 0, around, Arrivals.Poisson, OfNature(draw), twist);
                yield return Make(draw, 0, around, Arrivals.Diurnal, OfNature(draw), twist);
                yield return Make(draw, 0, around, Arrivals.ClosedLoop, OfNature(draw), twist);
            }
        }

        foreach (double load in (double[])[0.4, 0.6, 0.8, 0.9])
        {
            yield return Make(draw, 1, load, Arrivals.Poisson, OfNature(draw), Twist.SerialisedRoute) with { HasRoutes = true };
            yield return Make(draw, 1, load, Arrivals.Diurnal, OfNature(draw), Twist.SerialisedRoute) with { HasRoutes = true };
        }
    }

    private static Scenario Make(
        Random draw, int workers, double load, Arrivals arrivals, Service service, Twist twist = Twist.None, double share = 1)
    {
        // As slow as keeps the number of events within reason; many workers are there because requests are slow.
        double capacity = Math.Max(0.3, workers == 0 ? load : workers / share);
        double mean = Math.Max(Math.Exp(Between(draw, Math.Log(0.01), Math.Log(0.2))), capacity / MostPerSecond);
        return new Scenario(workers, load, arrivals, service, mean, draw.Next(3) > 0, twist, draw.Next(), share, draw.Next(2) == 0);
    }

    private static Service OfNature(Random draw) => draw.Next(3) switch { 0 => Service.Exponential, 1 => Service.LogNormal, _ => Service.Bimodal };

    private static double Between(Random draw, double low, double high) => low + ((high - low) * draw.NextDouble());
}
