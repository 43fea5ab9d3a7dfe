using System.Globalization;

namespace TimingProxy.Insight;

/// <summary>What apps that time themselves said of their answers.</summary>
/// <param name="Answers">Answers that came with the app's own figure.</param>
/// <param name="Seconds">Sum of these figures.</param>
/// <param name="OutsideSeconds">Upstream time of the same answers less the figure, never below 0: queue, server and framework.</param>
internal readonly record struct AppTime(long Answers, double Seconds, double OutsideSeconds)
{
    private const long LeastAnswers = 100;

    // By so much the two may differ, in parts of the share that is waiting, and still mean the same.
    private const double Agreement = 0.5;

    // Server and framework take that much of any request's time.
    private const double UsuallyOutside = 0.25;

    /// <summary>Share of upstream time that passed outside of the app; 0 where it says nothing.</summary>
    public double OutsideShare => Seconds + OutsideSeconds > 0 ? OutsideSeconds / (Seconds + OutsideSeconds) : 0;

    public static AppTime operator +(AppTime one, AppTime other) =>
        new(one.Answers + other.Answers, one.Seconds + other.Seconds, one.OutsideSeconds + other.OutsideSeconds);

    /// <summary>Holds a verdict against the app's own figures; null where there are too few of them.</summary>
    /// <returns>Whether they agree with it (null where there is no verdict to agree with), and what they say in one sentence.</returns>
    public (bool? Agrees, string Sentence)? OpinionOn(Verdict verdict)
    {
        if (Answers < LeastAnswers)
        {
            return null;
        }

        string outside = OutsideShare.ToString("0 %", CultureInfo.InvariantCulture);
        return verdict.Kind switch
        {
            VerdictKind.ConcurrencyLimited when OutsideShare >= Agreement * verdict.WaitingShare =>
                (true, $"The app's own figures agree: {outside} of upstream time passed before the app began, or after it."),
            VerdictKind.ConcurrencyLimited =>
                (false, $"By the app's own figures only {outside} of upstream time passed outside of it: what is waited for is inside the app, a pool or a lock, and not its workers."),
            VerdictKind.ServiceTimeBound when OutsideShare <= UsuallyOutside =>
                (true, $"The app's own figures agree: all but {outside} of upstream time is its own."),
            VerdictKind.ServiceTimeBound =>
                (false, $"By the app's own figures {outside} of upstream time passed outside of it: look at the server, the framework and what stands between, before the app."),
            _ => (null, $"By the app's own figures {outside} of upstream time passed outside of it."),
        };
    }
}
