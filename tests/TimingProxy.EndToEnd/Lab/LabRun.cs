namespace TimingProxy.EndToEnd.Lab;

/// <summary>
/// How much is measured. The experiments run in a short form, which checks what must hold on any machine; with
/// <c>TIMINGPROXY_LAB=full</c> they take their time, and write what they found to <c>Lab/results</c> and into docs/django.md.
/// </summary>
public static class LabRun
{
    public static bool IsFull { get; } = Environment.GetEnvironmentVariable("TIMINGPROXY_LAB") == "full";

    public static int Size(int inShort, int inFull) => IsFull ? inFull : inShort;

    /// <summary>Skips an experiment that has no short form.</summary>
    /// <param name="why">Why it has none, and what holds without it.</param>
    public static void RequireFull(string why) => Assert.SkipUnless(IsFull, $"Only with TIMINGPROXY_LAB=full. {why}");
}
