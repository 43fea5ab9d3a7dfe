using System.Net.Sockets;
using TimingProxy.Hosting;

namespace TimingProxy.Tests.Hosting;

public sealed class StaleSocketTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("timingproxy-").FullName;

    private string SocketPath => Path.Combine(_folder, "a.sock");

    private UnixDomainSocketEndPoint EndPoint => new(SocketPath);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Remove_SocketOfAProcessThatIsGone_CanBeListenedOnAgain()
    {
        string elsewhere = Path.Combine(_folder, "b.sock");
        using (var killed = Listen(elsewhere))
        {
            // Closing removes the file by the path that was listened on.
            File.Move(elsewhere, SocketPath);
        }

        Assert.Throws<SocketException>(() => Listen(SocketPath).Dispose());
        await StaleSocket.RemoveAsync(EndPoint, TestContext.Current.CancellationToken);

        using var again = Listen(SocketPath);
    }

    [Fact]
    public async Task Remove_SocketThatIsListenedOn_LeavesIt()
    {
        using var listening = Listen(SocketPath);

        await StaleSocket.RemoveAsync(EndPoint, TestContext.Current.CancellationToken);

        Assert.True(File.Exists(SocketPath));
    }

    [Fact]
    public async Task Remove_OtherFile_LeavesIt()
    {
        await File.WriteAllTextAsync(SocketPath, "precious", TestContext.Current.CancellationToken);

        await StaleSocket.RemoveAsync(EndPoint, TestContext.Current.CancellationToken);

        Assert.Equal("precious", await File.ReadAllTextAsync(SocketPath, TestContext.Current.CancellationToken));
    }

    private static Socket Listen(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path));
        socket.Listen();
        return socket;
    }
}
