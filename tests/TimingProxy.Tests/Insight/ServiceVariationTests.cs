using TimingProxy.Insight;

namespace TimingProxy.Tests.Insight;

public sealed class ServiceVariationTests
{
    [Fact]
    public void Stretches_ArePooled_EachAroundItsOwnMean()
    {
        // 1 s and 3 s in turn: squared deviations of 1/4 of the squared mean. Then 5 s each.
        LevelWindow[] windows = [.. Stretch(new LevelCell(1, 1, 0, 10, 20, 50)), .. Stretch(new LevelCell(2, 1, 0, 20, 100, 500))];

        Assert.Equal(Math.Sqrt(10 / 4.0 / (9 + 19)), ServiceVariation.Of(windows, workers: 2), 1e-9);
    }

    [Fact]
    public void ServicesThatBecomeSlower_AreNotDifferentForThat()
    {
        LevelWindow[] windows = [.. Stretch(new LevelCell(1, 1, 0, 100, 1, 0.01)), .. Stretch(new LevelCell(1, 1, 0, 100, 5, 0.25))];

        Assert.Equal(0, ServiceVariation.Of(windows, workers: 1), 1e-6);
    }

    [Fact]
    public void RequestsThatMayHaveWaited_DoNotCount()
    {
        LevelWindow[] windows =
        [
            .. Stretch(new LevelCell(2, 1, 0, 50, 5, 0.5), new LevelCell(3, 1, 0, 50, 20, 100)),
            .. Stretch(new LevelCell(80.5, 1, 0, 50, 20, 100)),
        ];

        Assert.Equal(0, ServiceVariation.Of(windows, workers: 2), 1e-6);
        // Of 65 to 96 in flight, some are above 90.
        Assert.Equal(ServiceVariation.Of(windows[..20], workers: 90), ServiceVariation.Of(windows, workers: 90));
        Assert.NotEqual(ServiceVariation.Of(windows[..20], workers: 96), ServiceVariation.Of(windows, workers: 96));
    }

    /// <summary>Nine answers of a stretch do not count, nor do twenty-nine in all.</summary>
    [Fact]
    public void FewAnswers_AreTakenForExponential()
    {
        LevelWindow[] few = [.. Stretch(new LevelCell(1, 1, 0, 29, 29, 29))];
        LevelWindow[] thin = [.. Enumerable.Range(0, 10).SelectMany(_ => Stretch(new LevelCell(1, 1, 0, 9, 9, 9)))];

        Assert.Equal(1, ServiceVariation.Of(few, workers: 1));
        Assert.Equal(1, ServiceVariation.Of(thin, workers: 1));
        Assert.Equal(1, ServiceVariation.Of([], workers: 1));
        Assert.Equal(0, ServiceVariation.Of([.. Stretch(new LevelCell(1, 1, 0, 30, 30, 30))], workers: 1));
    }

    private static IEnumerable<LevelWindow> Stretch(params LevelCell[] cells) =>
        [new LevelWindow(cells), .. Enumerable.Repeat(new LevelWindow([]), ServiceVariation.StretchWindows - 1)];
}
