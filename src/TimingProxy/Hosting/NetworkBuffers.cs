using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Connections;

namespace TimingProxy.Hosting;

/// <summary>
/// Buffers for what is read from clients and written to them, larger than Kestrel's own of 4 KB: one is filled by each receive, and what was
/// received goes on at once, so that a body takes as many fewer system calls. A connection has one only while there is something in it.
/// </summary>
internal sealed class NetworkBuffers(TimeProvider time) : IMemoryPoolFactory<byte>
{
    /// <summary>Bytes of a buffer.</summary>
    public const int Size = 16 * 1024;

    public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => new Pool(time);

    private sealed class Pool : MemoryPool<byte>
    {
        private static readonly TimeSpan TrimEvery = TimeSpan.FromSeconds(10);

        // Held for a few instructions; nearly all is rented and given back by the one thread that polls the sockets.
        private readonly Lock _changing = new();

        // Those given back last come first: they are in the CPU's cache.
        private readonly Stack<Buffer> _free = new();
        private readonly ITimer _trim;
        private int _fewest;
        private bool _isDisposed;

        public Pool(TimeProvider time) => _trim = time.CreateTimer(static pool => ((Pool)pool!).Trim(), this, TrimEvery, TrimEvery);

        public override int MaxBufferSize => Size;

        public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, Size);
            lock (_changing)
            {
                if (_free.TryPop(out var buffer))
                {
                    _fewest = Math.Min(_fewest, _free.Count);
                    return buffer;
                }
            }

            return new Buffer(this);
        }

        protected override void Dispose(bool disposing)
        {
            _trim.Dispose();
            lock (_changing)
            {
                _isDisposed = true;
                _free.Clear();
            }
        }

        private void Return(Buffer buffer)
        {
            lock (_changing)
            {
                if (!_isDisposed)
                {
                    _free.Push(buffer);
                }
            }
        }

        /// <summary>Leaves half of those to the garbage collector that nobody has wanted since the last time.</summary>
        private void Trim()
        {
            lock (_changing)
            {
                for (int spare = _fewest / 2; spare > 0; spare--)
                {
                    _free.Pop();
                }

                _fewest = _free.Count;
            }
        }

        private sealed class Buffer(Pool pool) : IMemoryOwner<byte>
        {
            public Memory<byte> Memory { get; } = MemoryMarshal.CreateFromPinnedArray(GC.AllocateUninitializedArray<byte>(Size, pinned: true), 0, Size);

            public void Dispose() => pool.Return(this);
        }
    }
}
