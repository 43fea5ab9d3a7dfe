using System.Globalization;

namespace TimingProxy.EndToEnd.Fixtures;

/// <summary>A control group with a memory limit, of either version of the kernel's interface: what a container's limit is made of.</summary>
public sealed class MemoryGroup : IDisposable
{
    private readonly string _folder;
    private readonly bool _isUnified;

    private MemoryGroup(string folder, bool isUnified)
    {
        _folder = folder;
        _isUnified = isUnified;
    }

    /// <summary>The file a process writes its id into to become a member.</summary>
    public string Members => Path.Combine(_folder, "cgroup.procs");

    /// <summary>How often the members wanted more than there is, and the kernel took back what it could.</summary>
    public long LimitMet => _isUnified ? Event("max") : long.Parse(Read("memory.failcnt"), CultureInfo.InvariantCulture);

    /// <summary>How many members the kernel has killed for want of memory.</summary>
    public long Killed => _isUnified ? Event("oom_kill") : Number("memory.oom_control", "oom_kill");

    public static MemoryGroup Create(int limitMb)
    {
        var name = $"timingproxy-test-{Environment.ProcessId}";
        var isUnified = File.Exists("/sys/fs/cgroup/cgroup.controllers");
        var folder = isUnified ? $"/sys/fs/cgroup/{name}" : $"/sys/fs/cgroup/memory/{name}";
        try
        {
            Directory.CreateDirectory(folder);
            var group = new MemoryGroup(folder, isUnified);
            File.WriteAllText(Path.Combine(folder, isUnified ? "memory.max" : "memory.limit_in_bytes"), $"{limitMb}M");
            return group;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Peers.Require(false, $"no control group can be made ({e.Message}); root can");
            throw;
        }
    }

    public void Dispose() => Directory.Delete(_folder);

    private long Event(string name) => Number("memory.events", name);

    private long Number(string file, string name) => File.ReadLines(Path.Combine(_folder, file))
        .Where(line => line.StartsWith(name + " ", StringComparison.Ordinal)).Select(line => long.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture)).Single();

    private string Read(string file) => File.ReadAllText(Path.Combine(_folder, file)).Trim();
}
