using System.Net;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>The upstream's name gets another address while the old one still answers, as when traffic is moved to another deployment.</summary>
public sealed class NameChangeTests
{
    [Fact]
    public async Task Upstream_WhoseNameGetsAnotherAddress_IsFollowedUnderLoadWithoutAFailure()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var old = new RawBackend(RawBackend.Answering("old"));
        await using var next = new RawBackend(RawBackend.Answering("next"), IPAddress.Parse("127.0.0.2"), old.Port);
        using var folder = new TempFolder();
        var hosts = folder.File("hosts");
        await File.WriteAllTextAsync(hosts, "127.0.0.1 app.test\n", cancellationToken);
        await using var proxy = await Launch.InOwnMounts($"mount --bind {hosts} /etc/hosts; exec \"$@\"").StartAsync(
            ["--upstream", $"http://app.test:{old.Port}"], cancellationToken, ("UPSTREAM__CONNECTIONLIFETIME", "500ms"));
        await using var load = new SteadyLoad(proxy.Port, keptConnections: 2, newConnections: 1);
        await load.AnsweredMoreAsync(100, cancellationToken);
        Assert.Equal("old", (await proxy.GetAsync("/", cancellationToken)).Text);

        await File.WriteAllTextAsync(hosts, "127.0.0.2 app.test\n", cancellationToken);

        await Until.TrueAsync(
            async () => (await proxy.GetAsync("/", cancellationToken)).Text == "next",
            () => "The new address was never used, though connections live half a second.",
            cancellationToken,
            TimeSpan.FromSeconds(20));
        // The last connections to the old address have had their time.
        await Task.Delay(TimeSpan.FromSeconds(2), cancellationToken);
        var before = old.Requests;
        await load.AnsweredMoreAsync(100, cancellationToken);
        var attempts = await load.StopAsync();
        Assert.Equal(before, old.Requests);
        Assert.All(attempts, a => Assert.Equal(Outcome.Answered, a.Outcome));
    }
}
