using TimingProxy.Metrics;

namespace TimingProxy.Tests.Metrics;

public sealed class ClockDisturbanceTests : IDisposable
{
    private readonly string _threads = Directory.CreateTempSubdirectory("timingproxy-threads-").FullName;

    public void Dispose() => Directory.Delete(_threads, recursive: true);

    [Fact]
    public void Starved_ThreadsThatComeAndGo_CountsWhatEachHasWaited()
    {
        var disturbance = new ClockDisturbance(_threads);
        Waited("1", 2);
        Waited("2", 3);
        Assert.Equal(5, Starved(disturbance));

        Directory.Delete(Path.Combine(_threads, "2"), recursive: true);
        Waited("1", 4);
        Waited("3", 1);

        Assert.Equal(8, Starved(disturbance));
    }

    /// <summary>As where no descriptor is left for a moment.</summary>
    [Fact]
    public void Starved_ThreadThatOnceCannotBeRead_IsNotCountedFromItsBeginningAgain()
    {
        var disturbance = new ClockDisturbance(_threads);
        Waited("1", 2);
        Waited("2", 3);
        Assert.Equal(5, Starved(disturbance));

        File.Delete(Path.Combine(_threads, "2", "schedstat"));
        Assert.Equal(5, Starved(disturbance));
        Waited("2", 4);

        Assert.Equal(6, Starved(disturbance));
    }

    private static double Starved(ClockDisturbance disturbance) =>
        disturbance.Read().Single(one => one.Tags.ToArray().Any(tag => Equals(tag.Value, "starved"))).Value;

    private void Waited(string thread, int seconds)
    {
        string folder = Directory.CreateDirectory(Path.Combine(_threads, thread)).FullName;
        File.WriteAllText(Path.Combine(folder, "schedstat"), $"1 {seconds}000000000 1\n");
    }
}
