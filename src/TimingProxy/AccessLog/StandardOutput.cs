using System.Runtime.InteropServices;

namespace TimingProxy.AccessLog;

/// <summary>
/// The process's standard output with its errors: the console's own stream takes a closed pipe for success, and a file stream would write
/// at a position of its own, over what others have written to the same file.
/// </summary>
/// <param name="descriptor"><see cref="None"/> where the process was started without one; another one in tests.</param>
internal sealed class StandardOutput(TimeProvider time, int descriptor) : Stream
{
    public const int Descriptor = 1;

    /// <summary>Every write fails.</summary>
    public const int None = -1;

    // errno of Linux.
    private const int Interrupted = 4;
    private const int WouldBlock = 11;

    private static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(10);

    private bool _isMidLine;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Writes all of it. A line that an earlier failure cut short is ended first, so that it spoils no other.</summary>
    /// <exception cref="IOException">The reader is gone, the disk is full, or the like.</exception>
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> lines, CancellationToken cancellationToken = default)
    {
        if (_isMidLine)
        {
            await WriteAllAsync("\n"u8.ToArray(), cancellationToken);
        }

        await WriteAllAsync(lines, cancellationToken);
    }

    /// <summary>Nothing is held back.</summary>
    public override void Flush()
    {
    }

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("Only WriteAsync.");

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private async ValueTask WriteAllAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        while (!bytes.IsEmpty)
        {
            nint written = Write(descriptor, in MemoryMarshal.GetReference(bytes.Span), bytes.Length);
            int error = Marshal.GetLastPInvokeError();
            if (written > 0)
            {
                _isMidLine = bytes.Span[(int)written - 1] != '\n';
                bytes = bytes[(int)written..];
            }
            else if (error == WouldBlock)
            {
                // Somebody else has made the descriptor, which is shared, non-blocking.
                await Task.Delay(RetryAfter, time, cancellationToken);
            }
            else if (error != Interrupted)
            {
                throw new IOException($"standard output: {Marshal.GetPInvokeErrorMessage(error)}");
            }
        }
    }

    [DllImport("libc", EntryPoint = "write", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint Write(int descriptor, in byte bytes, nint count);
}
