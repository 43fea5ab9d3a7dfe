using TimingProxy.Settings;

namespace TimingProxy.Tests.Settings;

public sealed class AddressConflictsTests
{
    [Theory]
    [InlineData("http://127.0.0.1:8080", "http://*:8080", true)]
    [InlineData("http://localhost:8080", "http://[::]:8080", true)]
    [InlineData("h2c://[::1]:8080", "http://localhost:8080", true)]
    [InlineData("http://localhost:8080", "http://127.0.0.1:8080", true)]
    [InlineData("http://10.0.0.7:8080", "http://10.0.0.7:8080", true)]
    [InlineData("unix:/run/a.sock", "http://unix:/run/a.sock", true)]
    [InlineData("unix:///run/a.sock", "http://unix:/run/a.sock", true)]
    [InlineData("http://127.0.0.1:8000", "http://*:8080", false)]
    [InlineData("http://app:8080", "http://*:8080", false)]
    [InlineData("http://10.0.0.7:8080", "http://*:8080", false)]
    [InlineData("http://127.0.0.1:8080", "http://127.0.0.2:8080", false)]
    [InlineData("unix:/run/a.sock", "http://unix:/run/b.sock", false)]
    [InlineData("unix:/run/a.sock", "http://*:8080", false)]
    public void Upstream_ThatIsTheProxyItself_IsAnError(string upstream, string listen, bool isError)
    {
        var settings = new ProxySettings { Upstream = new UpstreamSettings { Address = upstream }, Listen = [listen] };

        Assert.Equal(isError ? ["TimingProxy:Upstream:Address"] : [], AddressConflicts.Of(settings, listensOnSettings: true).Select(error => error.Key));
    }

    [Fact]
    public void Upstream_OnTheDefaultPort_IsNoError_WhereKestrelHasEndpoints()
    {
        var settings = new ProxySettings { Upstream = new UpstreamSettings { Address = "http://127.0.0.1:8080" } };

        Assert.Empty(AddressConflicts.Of(settings, listensOnSettings: false));
        Assert.Single(AddressConflicts.Of(settings, listensOnSettings: true));
    }

    [Theory]
    [InlineData("http://*:8080", true)]
    [InlineData("http://127.0.0.1:0", false)]
    public void Address_ListenedOnTwice_IsAnError_UnlessThePortIsFree(string address, bool isError)
    {
        var settings = new ProxySettings { Listen = [address], Admin = new AdminSettings { Listen = [address] } };

        Assert.Equal(isError ? ["TimingProxy:Admin:Listen"] : [], AddressConflicts.Of(settings, listensOnSettings: true).Select(error => error.Key));
    }

    [Theory]
    [InlineData("http://127.0.0.1:9464", "http://*:9464", true)]
    [InlineData("http://10.0.0.7:9464", "https://+:9464", true)]
    [InlineData("http://0.0.0.0:9464", "http://[::]:9464", true)]
    [InlineData("http://localhost:9464", "http://127.0.0.1:9464", true)]
    [InlineData("http://localhost:9464", "http://[::1]:9464", true)]
    [InlineData("http://localhost:9464", "http://0.0.0.0:9464", true)]
    [InlineData("http://[::ffff:127.0.0.1]:9464", "http://127.0.0.1:9464", true)]
    [InlineData("http://unix:/run/a.sock", "https://unix:/run/a.sock", true)]
    [InlineData("http://0.0.0.0:9464", "http://[::1]:9464", false)]
    [InlineData("http://127.0.0.1:9464", "http://127.0.0.2:9464", false)]
    [InlineData("http://127.0.0.1:9464", "http://127.0.0.1:9465", false)]
    [InlineData("http://unix:/run/a.sock", "http://unix:/run/b.sock", false)]
    [InlineData("http://unix:/run/a.sock", "http://*:9464", false)]
    [InlineData("http://127.0.0.1:0", "http://*:0", false)]
    public void Addresses_ThatTakeTheSamePort_AreAnErrorInEitherOrder(string one, string two, bool isError)
    {
        var settings = new ProxySettings { Listen = [one], Admin = new AdminSettings { Listen = [two] } };
        var reversed = new ProxySettings { Listen = [two, one], Admin = new AdminSettings { Listen = ["http://127.0.0.1:1"] } };

        Assert.Equal(isError ? 1 : 0, AddressConflicts.Of(settings, listensOnSettings: true).Count());
        Assert.Equal(isError ? ["TimingProxy:Listen"] : [], AddressConflicts.Of(reversed, listensOnSettings: true).Select(error => error.Key));
    }

    [Fact]
    public void Listen_OnTheDefaultAdminPort_IsAnErrorOfListenThatNamesTheDefault()
    {
        var error = Assert.Single(AddressConflicts.Of(new ProxySettings { Listen = ["http://127.0.0.1:9464"] }, listensOnSettings: true));

        Assert.Equal("TimingProxy:Listen", error.Key);
        Assert.Equal(
            "TimingProxy:Listen = \"http://127.0.0.1:9464\": TimingProxy:Admin:Listen = \"http://*:9464\", its default, listens there as well; "
                + "give each listener an address of its own",
            error.Message);
    }
}
