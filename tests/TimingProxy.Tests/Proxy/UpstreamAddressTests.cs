using TimingProxy.Proxy;

namespace TimingProxy.Tests.Proxy;

public sealed class UpstreamAddressTests
{
    [Theory]
    [InlineData("http://app:8000", "http://app:8000", null, false)]
    [InlineData("https://app", "https://app", null, false)]
    [InlineData("h2c://app:8000", "http://app:8000", null, true)]
    [InlineData("H2C://app:8000", "http://app:8000", null, true)]
    [InlineData("unix:/run/app.sock", "http://localhost/", "/run/app.sock", false)]
    [InlineData("unix:///run/app.sock", "http://localhost/", "/run/app.sock", false)]
    public void TryParse_Address_IsRead(string text, string destination, string? socket, bool isHttp2)
    {
        Assert.True(UpstreamAddress.TryParse(text, out var address));
        Assert.Equal(new UpstreamAddress(destination, socket, isHttp2), address);
    }

    [Theory]
    [InlineData("")]
    [InlineData("app:8000")]
    [InlineData("ftp://app")]
    [InlineData("unix:app.sock")]
    [InlineData("h2c://")]
    [InlineData("http://")]
    [InlineData(null)]
    public void TryParse_NoAddress_IsRefused(string? text) => Assert.False(UpstreamAddress.TryParse(text, out _));
}
