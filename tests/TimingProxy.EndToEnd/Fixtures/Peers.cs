using System.Collections.Concurrent;

namespace TimingProxy.EndToEnd.Fixtures;

/// <summary>
/// The foreign programs these tests run. One that is missing skips the test on a developer's machine; where CI=true all
/// are expected, and it fails.
/// </summary>
public static class Peers
{
    private static readonly string[] Folders =
        ["/usr/bin", "/usr/sbin", .. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)];

    private static readonly ConcurrentDictionary<string, bool> Imports = new();

    /// <summary>The repository's top folder, found from the test assembly.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>The path of a program, Debian's before any other.</summary>
    public static string Tool(string name, string package)
    {
        var found = Candidates(name).FirstOrDefault();
        Require(found is not null, $"{name} is not installed (Debian: apt-get install {package})");
        return found!;
    }

    /// <summary>The path of a shared library below the system's folders, whatever the machine's kind.</summary>
    public static string Library(string path, string package)
    {
        var found = Directory.GetDirectories("/usr/lib", "*-linux-gnu*").Append("/usr/lib").Select(folder => Path.Combine(folder, path)).FirstOrDefault(File.Exists);
        Require(found is not null, $"{path} is not installed (Debian: apt-get install {package})");
        return found!;
    }

    /// <summary>A python3 that has the modules; the first on the PATH often is not the one with Debian's packages.</summary>
    public static async Task<string> PythonAsync(string module, string package, CancellationToken cancellationToken)
    {
        foreach (var python in Candidates("python3"))
        {
            var key = $"{python} {module}";
            if (!Imports.TryGetValue(key, out var works))
            {
                var (exitCode, _, _) = await ProcessRunner.RunAsync(python, ["-c", $"import {module}"], cancellationToken);
                Imports[key] = works = exitCode == 0;
            }

            if (works)
            {
                return python;
            }
        }

        Require(false, $"no python3 can import {module} (Debian: apt-get install {package})");
        return "";
    }

    /// <summary>Skips the test, or where CI=true fails it, if what it needs (a program, or something of the system) is not there.</summary>
    public static void Require(bool present, string reason)
    {
        if (present)
        {
            return;
        }

        if (Environment.GetEnvironmentVariable("CI") == "true")
        {
            Assert.Fail(reason);
        }

        Assert.Skip(reason);
    }

    private static IEnumerable<string> Candidates(string name) =>
        Folders.Select(folder => Path.Combine(folder, name)).Where(File.Exists).Distinct();

    private static string FindRepository()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "TimingProxy.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new InvalidOperationException($"No TimingProxy.sln above {AppContext.BaseDirectory}.");
    }
}
