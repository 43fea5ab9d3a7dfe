using System.IO.Pipes;
using System.Text;
using Microsoft.Win32.SafeHandles;
using TimingProxy.AccessLog;
using Xunit;

namespace TimingProxy.Tests.AccessLog;

public sealed class StandardOutputTests
{
    [Fact]
    public async Task Write_ToAPipe_HandsOverEveryByte()
    {
        using var reader = new AnonymousPipeServerStream(PipeDirection.In);
        var output = new StandardOutput(TimeProvider.System, (int)reader.ClientSafePipeHandle.DangerousGetHandle());
        // More than a pipe holds: the write goes on as the reader takes.
        byte[] lines = Encoding.ASCII.GetBytes(new string('x', 300_000) + "\n");

        var write = Task.Run(async () => await output.WriteAsync(lines, TestContext.Current.CancellationToken), TestContext.Current.CancellationToken);
        byte[] read = new byte[lines.Length];
        await reader.ReadExactlyAsync(read, TestContext.Current.CancellationToken);

        await write;
        Assert.Equal(lines, read);
    }

    [Fact]
    public async Task Write_WithNobodyReading_IsAnError()
    {
        var reader = new AnonymousPipeServerStream(PipeDirection.In);
        using var writer = new SafePipeHandle(reader.ClientSafePipeHandle.DangerousGetHandle(), ownsHandle: true);
        reader.ClientSafePipeHandle.SetHandleAsInvalid();
        await reader.DisposeAsync();
        var output = new StandardOutput(TimeProvider.System, (int)writer.DangerousGetHandle());

        var error = await Assert.ThrowsAsync<IOException>(async () => await output.WriteAsync("line\n"u8.ToArray(), TestContext.Current.CancellationToken));

        Assert.Contains("pipe", error.Message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Write_ToAFullDisk_IsAnError()
    {
        using var full = File.OpenHandle("/dev/full", FileMode.Open, FileAccess.Write);
        var output = new StandardOutput(TimeProvider.System, (int)full.DangerousGetHandle());

        await Assert.ThrowsAsync<IOException>(async () => await output.WriteAsync("line\n"u8.ToArray(), TestContext.Current.CancellationToken));
    }
}
