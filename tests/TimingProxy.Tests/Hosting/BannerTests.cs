using TimingProxy.Hosting;

namespace TimingProxy.Tests.Hosting;

public sealed class BannerTests
{
    [Fact]
    public void Of_WildcardAddresses_AreShownAsSomethingToOpen()
    {
        string banner = Banner.Of("1.2.3", ["http://[::]:8080"], ["http://0.0.0.0:9464"], "http://app:8000", "/hello");

        Assert.StartsWith("TimingProxy 1.2.3\n", banner, StringComparison.Ordinal);
        Assert.Contains("http://localhost:8080  ->  http://app:8000", banner, StringComparison.Ordinal);
        Assert.Contains("http://localhost:9464/\n", banner, StringComparison.Ordinal);
        Assert.Contains("http://localhost:9464/metrics\n", banner, StringComparison.Ordinal);
        Assert.Contains("http://localhost:8080/hello", banner, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_UpstreamWithAPassword_DoesNotShowIt()
    {
        string banner = Banner.Of("1.2.3", ["http://[::]:8080"], [], "http://user:p@ss@app:8000", "/");

        Assert.Contains("->  http://***@app:8000\n", banner, StringComparison.Ordinal);
        Assert.DoesNotContain("user", banner, StringComparison.Ordinal);
    }
}
