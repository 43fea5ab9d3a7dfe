using TimingProxy.Proxy;

namespace TimingProxy.Tests.Proxy;

public sealed class RecentAddressesTests
{
    private readonly RecentAddresses _addresses = new();

    [Theory]
    [InlineData("http://app:8000", "/a%2Fb//./c?q=%zz", "/a%2Fb//./c?q=%zz")]
    [InlineData("http://app:8000/", "/", "/")]
    [InlineData("http://app:8000/base/", "/a", "/base/a")]
    public void Of_Target_IsKeptAsItWasReceived(string destination, string target, string expected)
    {
        var address = _addresses.Of(destination, target);

        Assert.Equal(expected, address.PathAndQuery);
        Assert.Equal("app:8000", address.Authority);
    }

    [Fact]
    public void Of_SameTargetAgain_IsTheSameAddress() =>
        Assert.Same(_addresses.Of("http://app:8000", "/a?b=1"), _addresses.Of("http://app:8000", $"/a?b={1}"));

    [Fact]
    public void Of_SameTargetElsewhere_IsAnotherAddress()
    {
        _addresses.Of("http://one", "/a");

        Assert.Equal("http://two/a", _addresses.Of("http://two", "/a").OriginalString);
        Assert.Equal("http://one/a", _addresses.Of("http://one", "/a").OriginalString);
    }

    [Fact]
    public void Of_MoreTargetsThanAreKept_EachIsItsOwn()
    {
        string[] targets = [.. Enumerable.Range(0, 5000).Select(number => $"/articles/{number}")];

        Parallel.ForEach(targets.Concat(targets), target => Assert.Equal(target, _addresses.Of("http://app", target).PathAndQuery));
    }

    [Fact]
    public void Of_LongTarget_IsNotKept()
    {
        string target = "/" + new string('a', 300);

        Assert.Equal(target, _addresses.Of("http://app", target).PathAndQuery);
        Assert.NotSame(_addresses.Of("http://app", target), _addresses.Of("http://app", target));
    }
}
