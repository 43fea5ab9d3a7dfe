using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace TimingProxy.Benchmarks.Processes;

/// <summary>Where the programs are that are measured and measure, and what they share: a folder for their files and a certificate.</summary>
internal sealed class Programs : IDisposable
{
    public const string TimingProxyProject = "src/TimingProxy";
    public const string BareYarpProject = "tests/TimingProxy.Benchmarks/BareYarp";

    private const string BinaryVariable = "TIMINGPROXY_EXE";
    private const string BeforeVariable = "TIMINGPROXY_BEFORE";

    private static readonly string[] Folders = ["/usr/sbin", "/usr/bin", "/usr/local/bin"];

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("timingproxy-benchmarks-");

    private readonly Dictionary<string, DirectoryInfo> _latest = [];
    private int _copies;

    public Programs()
    {
        // The backend's workers may be another user.
        _folder.UnixFileMode |= UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(30));
        CertificateFile = Write("certificate.pem", certificate.ExportCertificatePem());
        KeyFile = Write("key.pem", key.ExportPkcs8PrivateKeyPem());
        CertificateAndKeyFile = Write("both.pem", certificate.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem() + "\n");
    }

    public string CertificateFile { get; }

    public string KeyFile { get; }

    public string CertificateAndKeyFile { get; }

    /// <summary>The repository's root, from where the benchmark was built.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>The native binary: <c>TIMINGPROXY_EXE</c>, else published now.</summary>
    public static string TimingProxy() =>
        Environment.GetEnvironmentVariable(BinaryVariable) is { Length: > 0 } path ? Path.GetFullPath(path) : Publish(TimingProxyProject, "timingproxy");

    /// <summary>The native binary that this one is compared with, by <c>TIMINGPROXY_BEFORE</c>; null where none is named.</summary>
    public static string? Before { get; } =
        Environment.GetEnvironmentVariable(BeforeVariable) is { Length: > 0 } path ? Path.GetFullPath(path) : null;

    /// <summary>What TimingProxy is built from, without TimingProxy; null where it would have to be published first and may not be.</summary>
    public static string? BareYarp(bool mayPublish)
    {
        string published = Path.Combine(Repository, "artifacts", "bareyarp", "bareyarp");
        return mayPublish ? Publish(BareYarpProject, "bareyarp") : File.Exists(published) ? published : null;
    }

    /// <summary>Full path of a program of the system's, or null where it is not installed.</summary>
    public static string? Find(string name) =>
        Folders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    public string PathOf(string name) => Path.Combine(_folder.FullName, name);

    public string Write(string name, string text)
    {
        File.WriteAllText(PathOf(name), text);
        return PathOf(name);
    }

    /// <summary>
    /// A copy of a binary that nobody has run; the one before is deleted. Where a program's pages lie in memory is luck, lasts as long as the system
    /// keeps the file there, and is worth some percent of its CPU: what is measured again and again must not be one file's luck.
    /// </summary>
    public string FreshCopy(string binary)
    {
        string name = Path.GetFileName(binary);
        var folder = _folder.CreateSubdirectory($"copy-{++_copies}");
        string copy = Path.Combine(folder.FullName, name);
        File.Copy(binary, copy);
        if (File.Exists($"{binary}.dbg"))
        {
            File.CreateSymbolicLink($"{copy}.dbg", $"{binary}.dbg");
        }

        if (_latest.Remove(binary, out var previous))
        {
            previous.Delete(recursive: true);
        }

        _latest[binary] = folder;
        return copy;
    }

    public void Dispose() => _folder.Delete(recursive: true);

    /// <summary>Compiles a project of the repository to native code; gives the binary.</summary>
    public static string Publish(string project, string name)
    {
        string output = Path.Combine(Repository, "artifacts", name);
        Dotnet("publish", project, "-o", output);
        return Path.Combine(output, name);
    }

    /// <summary>Builds a project of the repository; gives the assembly.</summary>
    public static string Build(string project, string name)
    {
        Dotnet("build", project);
        return Path.Combine(Repository, project, "bin", "Release", "net10.0", $"{name}.dll");
    }

    private static void Dotnet(string verb, string project, params string[] more)
    {
        Console.Error.WriteLine($"{verb} {project}");
        using var dotnet = Process.Start(new ProcessStartInfo("dotnet", [verb, Path.Combine(Repository, project), "-c", "Release", "--nologo", .. more])
        {
            RedirectStandardOutput = true,
        })!;
        string log = dotnet.StandardOutput.ReadToEnd();
        dotnet.WaitForExit();
        if (dotnet.ExitCode != 0)
        {
            throw new InvalidOperationException(log);
        }
    }

    private static string FindRepository()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "TimingProxy.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException("Not inside of the repository.");
    }
}
