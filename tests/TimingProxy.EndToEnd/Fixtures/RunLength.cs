using System.Globalization;

namespace TimingProxy.EndToEnd.Fixtures;

/// <summary>
/// How long the long suites run, and where they write what they saw: the gate runs them short and writes nothing.
/// docs/results/README.md has the commands.
/// </summary>
public static class RunLength
{
    /// <summary>Marks the suites that can run at any length or write what they saw.</summary>
    public const string Trait = "Length";

    public const string Any = "Any";

    /// <summary>A number from the environment; what the gate runs where it is not set.</summary>
    public static double Of(string variable, double inTheGate) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? double.Parse(text, CultureInfo.InvariantCulture) : inTheGate;

    /// <summary>Writes a results page where <c>RESULTS</c> names a folder.</summary>
    public static async Task WriteResultAsync(string name, string markdown, CancellationToken cancellationToken)
    {
        TestContext.Current.SendDiagnosticMessage(markdown);
        if (Environment.GetEnvironmentVariable("RESULTS") is { Length: > 0 } folder)
        {
            Directory.CreateDirectory(folder);
            await File.WriteAllTextAsync(Path.Combine(folder, name), markdown, cancellationToken);
        }
    }
}
