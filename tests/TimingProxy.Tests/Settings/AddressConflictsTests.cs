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
}
