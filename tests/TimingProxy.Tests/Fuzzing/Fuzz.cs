using FsCheck;
using FsCheck.Fluent;

namespace TimingProxy.Tests.Fuzzing;

/// <summary>Text that is nearly right: pieces of a grammar in any order, with any characters between. A failure prints the smallest such text.</summary>
internal static class Fuzz
{
    private const int Runs = 2_000;

    public static Arbitrary<string> Text(params string[] pieces)
    {
        var any = ArbMap.Default.GeneratorFor<char>().Select(c => c.ToString());
        var piece = Gen.Elements(pieces);
        return Gen.OneOf(piece, piece, piece, any).ArrayOf().Select(string.Concat).ToArbitrary();
    }

    public static void Holds<T>(Arbitrary<T> values, Action<T> assert) =>
        Prop.ForAll(values, assert).Check(Config.QuickThrowOnFailure.WithMaxTest(Runs));

    /// <summary>Bad input has one exception, and a message.</summary>
    /// <returns>Whether the text was taken.</returns>
    public static bool Reads(Action read)
    {
        try
        {
            read();
            return true;
        }
        catch (FormatException error)
        {
            Assert.NotEmpty(error.Message);
            return false;
        }
    }
}
