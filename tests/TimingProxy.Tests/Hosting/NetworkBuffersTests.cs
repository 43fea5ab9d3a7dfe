using System.Buffers;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using TimingProxy.Hosting;

namespace TimingProxy.Tests.Hosting;

public sealed class NetworkBuffersTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Buffer_GivenBack_IsTheNextOne()
    {
        using var pool = new NetworkBuffers(_time).Create();
        var first = pool.Rent(1);
        Assert.Equal(NetworkBuffers.Size, first.Memory.Length);
        first.Dispose();

        Assert.Same(first, pool.Rent());
        Assert.NotSame(first, pool.Rent());
    }

    [Fact]
    public void Buffers_ThatNobodyWants_AreLetGoByHalves()
    {
        using var pool = new NetworkBuffers(_time).Create();
        var all = Rent(pool, 8);
        GiveBack(all);

        // The first look finds that none lay free all the time, the next that eight did.
        _time.Advance(TimeSpan.FromSeconds(10));
        _time.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal(4, Rent(pool, 8).Count(all.Contains));
    }

    [Fact]
    public void Size_AboveTheGreatest_IsRefused()
    {
        using var pool = new NetworkBuffers(_time).Create();

        Assert.Throws<ArgumentOutOfRangeException>(() => pool.Rent(pool.MaxBufferSize + 1));
    }

    private static IMemoryOwner<byte>[] Rent(MemoryPool<byte> pool, int count) => [.. Enumerable.Range(0, count).Select(_ => pool.Rent())];

    private static void GiveBack(IMemoryOwner<byte>[] buffers)
    {
        foreach (var buffer in buffers)
        {
            buffer.Dispose();
        }
    }
}
