using System.Runtime.InteropServices;

namespace TimingProxy.EndToEnd.Fixtures;

/// <summary>A folder that is gone when the test is.</summary>
public sealed partial class TempFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("timingproxy-e2e-").FullName;

    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Makes a symbolic link point elsewhere in one step, as the kubelet does; .NET's own moves do not replace a link to a folder.</summary>
    public void PointLink(string name, string target)
    {
        var temporary = File($"{name}_tmp");
        System.IO.File.CreateSymbolicLink(temporary, target);
        Assert.Equal(0, Rename(temporary, File(name)));
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);

    [LibraryImport("libc", EntryPoint = "rename", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Rename(string from, string to);
}
