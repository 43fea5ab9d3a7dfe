using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using TimingProxy.Proxy;
using TimingProxy.Timing;

namespace TimingProxy.Tests.Proxy;

public sealed class UpstreamNameTests
{
    private static readonly IPAddress Old = IPAddress.Parse("192.0.2.1");
    private static readonly IPAddress Next = IPAddress.Parse("192.0.2.2");

    private readonly FakeTimeProvider _time = new();
    private readonly Queue<TaskCompletionSource<IPAddress[]>> _lookups = [];
    private readonly UpstreamName _name;

    public UpstreamNameTests()
    {
        _name = Named("app.test");
    }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Addresses_OfAFreshName_AreNotLookedUpAgain()
    {
        var first = _name.AddressesAsync(Cancelled);
        var second = _name.AddressesAsync(Cancelled);
        Found(Old);

        Assert.Equal([Old], await first);
        Assert.Equal([Old], await second);
        _time.Advance(TimeSpan.FromMilliseconds(999));
        Assert.Equal([Old], await _name.AddressesAsync(Cancelled));
        Assert.Empty(_lookups);
    }

    [Fact]
    public async Task Addresses_OlderThanASecond_AreUsedWhileTheyAreLookedUp()
    {
        await FindAsync(Old);
        _time.Advance(TimeSpan.FromSeconds(2));

        Assert.Equal([Old], await _name.AddressesAsync(Cancelled));
        Assert.Equal([Old], await _name.AddressesAsync(Cancelled));
        Found(Next);
        Assert.Equal([Next], await _name.AddressesAsync(Cancelled));
        Assert.Empty(_lookups);
    }

    [Fact]
    public async Task Addresses_OlderThanTenSeconds_AreWaitedFor()
    {
        await FindAsync(Old);
        _time.Advance(TimeSpan.FromSeconds(10));

        var addresses = _name.AddressesAsync(Cancelled);

        Assert.False(addresses.IsCompleted);
        Found(Next);
        Assert.Equal([Next], await addresses);
    }

    [Fact]
    public async Task Addresses_LookedUpInVain_FailWhoWaitsAndAreAskedForAgain()
    {
        await FindAsync(Old);
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal([Old], await _name.AddressesAsync(Cancelled));
        _lookups.Dequeue().SetException(new SocketException((int)SocketError.HostNotFound));

        // What is known serves for a while.
        Assert.Equal([Old], await _name.AddressesAsync(Cancelled));
        _lookups.Dequeue().SetException(new SocketException((int)SocketError.TryAgain));
        _time.Advance(TimeSpan.FromSeconds(10));
        var addresses = _name.AddressesAsync(Cancelled);
        Found();

        var error = await Assert.ThrowsAsync<SocketException>(async () => await addresses);
        Assert.Equal(SocketError.HostNotFound, error.SocketErrorCode);
    }

    [Fact]
    public async Task Addresses_WhoseWaiterLeaves_AreStillFoundForTheOthers()
    {
        using var leaving = new CancellationTokenSource();
        var first = _name.AddressesAsync(leaving.Token);
        var second = _name.AddressesAsync(Cancelled);

        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await first);
        Found(Old);

        Assert.Equal([Old], await second);
    }

    [Fact]
    public async Task LookUpAgain_OfAFreshName_LooksItUp()
    {
        await FindAsync(Old);

        var again = _name.LookUpAgainAsync(Cancelled);
        Found(Next);

        Assert.Equal([Next], await again);
    }

    [Fact]
    public async Task Addresses_OfTheFamilyThatWorked_AreTriedFirst()
    {
        await FindAsync(IPAddress.IPv6Loopback, IPAddress.Loopback);

        _name.Connected(IPAddress.Loopback);
        Assert.Equal([IPAddress.Loopback, IPAddress.IPv6Loopback], await _name.AddressesAsync(Cancelled));
        _time.Advance(TimeSpan.FromSeconds(20));

        Assert.Equal([IPAddress.Loopback, IPAddress.IPv6Loopback], await FindAsync(IPAddress.IPv6Loopback, IPAddress.Loopback));
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public async Task Addresses_OfAnAddress_AreNeverLookedUp(string address)
    {
        var name = Named(address);
        _time.Advance(TimeSpan.FromHours(1));

        Assert.Equal([IPAddress.Parse(address)], await name.AddressesAsync(Cancelled));
        Assert.Equal([IPAddress.Parse(address)], await name.LookUpAgainAsync(Cancelled));
        Assert.Empty(_lookups);
    }

    private UpstreamName Named(string host) => new(host, new RequestClock(_time), name =>
    {
        Assert.Equal(host, name);
        _lookups.Enqueue(new TaskCompletionSource<IPAddress[]>());
        return _lookups.Last().Task;
    });

    private async Task<IPAddress[]> FindAsync(params IPAddress[] addresses)
    {
        var found = _name.AddressesAsync(Cancelled);
        Found(addresses);
        return await found;
    }

    private void Found(params IPAddress[] addresses) => _lookups.Dequeue().SetResult(addresses);
}
