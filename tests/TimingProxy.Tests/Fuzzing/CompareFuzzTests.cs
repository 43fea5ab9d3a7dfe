using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using TimingProxy.Commands;
using TimingProxy.Insight;

namespace TimingProxy.Tests.Fuzzing;

/// <summary>Whatever two files hold, their comparison is printed in figures, or an error says what is wrong.</summary>
public sealed class CompareFuzzTests
{
    // The least and greatest that are taken, and what lies just beyond.
    private static readonly Gen<string> Bounds = Gen.Elements("0", "-0", "0.01", "12.5", "5e-324", "1e9", "999999999.9999");

    private static readonly Gen<string> Counts = Gen.Elements("0", "1", "29", "30", "31", "1e3", "999999999999", "1e12", "1000000000000.0");

    private static readonly Gen<string> Beyond = Gen.Elements(
        "-1", "-1e-9", "0.5", "1e13", "1000000000.1", "9007199254740993", "1e300", "1e308", "-1e308", "1e999", "-1e999", "null", "\"1\"", "[]", "NaN");

    private static readonly Gen<string> Route =
        Gen.Choose(0, 5).SelectMany(size => Numbers(Bounds, size).SelectMany(bounds => Numbers(Counts, size).SelectMany(counts =>
            Gen.Elements("/a", "/b", "/c").Select(name => $$$"""{"route":"{{{name}}}","histogram":{"boundsMs":{{{bounds}}},"counts":{{{counts}}}}}"""))));

    private static readonly Gen<string> File =
        Route.ListOf().SelectMany(routes => Mostly(Gen.Constant("\"2026-01-01T00:00:00Z\""), Gen.Elements("1", "null", "\"\"", "\"yesterday\"")).SelectMany(from =>
            Mostly(Gen.Constant("1"), Gen.Elements("1.5", "2", "1e99", "\"1\"", "null")).Select(version =>
                $$"""{"version":{{version}},"from":{{from}},"to":"2026-01-01T00:10:00Z","routes":[{{string.Join(",", routes.DistinctBy(route => route[..12]))}}]}""")));

    private static readonly Gen<string> Broken =
        Fuzz.Text("{", "}", "\"version\":1", "\"from\":", "\"routes\":[", "]", ",", "null", "\"route\":", "\"histogram\":{", "1.5", "\\ud800", "\"").Generator;

    [Fact]
    public void Compare_OfAnyFiles_HasFiniteFiguresOrAnError()
    {
        int compared = 0;
        int refused = 0;
        var file = Mostly(File, Broken);
        Fuzz.Holds(file.SelectMany(before => file.Select(after => (before, after))).ToArbitrary(), pair =>
        {
            Snapshot? before = null;
            Snapshot? after = null;
            if (!Fuzz.Reads(() => before = Snapshot.Parse(Encoding.UTF8.GetBytes(pair.before)))
                || !Fuzz.Reads(() => after = Snapshot.Parse(Encoding.UTF8.GetBytes(pair.after))))
            {
                refused++;
                return;
            }

            var comparison = Comparison.Of(before!, after!);
            compared += comparison.Routes.Count > 0 ? 1 : 0;
            Assert.All(
                comparison.Routes.SelectMany(one => Figures(one.Difference).Append(one.Weight)).Concat(Figures(comparison.Total)),
                value => Assert.True(double.IsFinite(value)));
            string table = InsightCommands.Table(comparison);
            Assert.DoesNotContain("NaN", table, StringComparison.Ordinal);
            Assert.DoesNotContain("∞", table, StringComparison.Ordinal);
            using var json = JsonDocument.Parse(InsightCommands.Json(comparison));
        });

        // A generator that makes nothing but the one or the other would test nothing.
        Assert.True(compared > 100 && refused > 100, $"{compared} compared, {refused} refused");
    }

    private static IEnumerable<double> Figures(Difference difference) =>
        [difference.BeforeMs, difference.AfterMs, difference.Ms, difference.LowMs, difference.HighMs];

    private static Gen<string> Numbers(Gen<string> sound, int size) => Mostly(sound, Beyond).ArrayOf(size).Select(all => $"[{string.Join(",", all)}]");

    private static Gen<string> Mostly(Gen<string> usual, Gen<string> rare) => Gen.Frequency((30, usual), (1, rare));
}
