using System.Text.RegularExpressions;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>docs/reference.md, the examples of settings and the systemd unit against the program.</summary>
public sealed partial class ReferenceTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<string> Examples => [.. Directory.GetFiles(Path.Combine(Peers.Repository, "config", "examples")).Select(path => Path.GetFileName(path)).Order()];

    [Fact]
    public async Task Endpoints_OfTheReference_AreThoseOfTheAdminPort()
    {
        var page = await File.ReadAllTextAsync(Path.Combine(Peers.Repository, "docs", "reference.md"), Cancel);
        var source = await File.ReadAllTextAsync(Path.Combine(Peers.Repository, "src", "TimingProxy", "Admin", "AdminEndpoints.cs"), Cancel);
        var documented = EndpointRow().Matches(page).Select(match => (Method: match.Groups[1].Value, Path: match.Groups[2].Value)).ToList();
        await using var backend = new RawBackend(RawBackend.Answering("hello"));
        await using var proxy = await ProxyProcess.InFrontOfAsync(backend.Port, Cancel);

        Assert.Equal(TableKey().Matches(source).Select(match => match.Groups[1].Value).Order(), documented.Select(endpoint => endpoint.Path).Order());
        foreach (var (method, path) in documented)
        {
            var answer = await RawClient.OnceAsync(proxy.AdminPort, RawClient.Get(path, host: $"127.0.0.1:{proxy.AdminPort}", method: method), Cancel);
            Assert.True(answer.Status == 200, $"{method} {path}: {answer.Head.StartLine}");
        }
    }

    [Fact]
    public async Task Commands_OfTheReference_AreThoseOfTheHelp()
    {
        var page = await File.ReadAllTextAsync(Path.Combine(Peers.Repository, "docs", "reference.md"), Cancel);
        var (_, help, _) = await ProxyProcess.RunAsync(["--help"], Cancel);
        var offered = HelpCommand().Matches(help[help.IndexOf("Commands:", StringComparison.Ordinal)..]).Select(match => match.Groups[1].Value);

        Assert.Equal(offered.Order(), CommandRow().Matches(page).Select(match => match.Groups[1].Value).Order());
    }

    [Theory]
    [MemberData(nameof(Examples))]
    public async Task Example_OfSettings_IsTakenByCheckConfig(string name)
    {
        using var folder = new TempFolder();
        var text = await File.ReadAllTextAsync(Path.Combine(Peers.Repository, "config", "examples", name), Cancel);
        Assert.Contains("\"$schema\": \"../timingproxy.schema.json\"", text, StringComparison.Ordinal);
        var (exitCode, _, errors) = await ProcessRunner.RunAsync(
            Peers.Tool("openssl", "openssl"),
            ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=shop.example", "-keyout", folder.File("tls.key"), "-out", folder.File("tls.crt")],
            Cancel);
        Assert.True(exitCode == 0, errors);
        await File.WriteAllTextAsync(folder.File(name), text.Replace("/etc/timingproxy", folder.Path, StringComparison.Ordinal), Cancel);

        var (code, output, complaints) = await ProxyProcess.RunAsync(["--check-config", "--config", folder.File(name)], Cancel);

        Assert.True(code == 0, output + complaints);
        Assert.Equal("OK", output.Trim());
        Assert.Equal("", complaints.Trim());
    }

    [Fact]
    public async Task SystemdUnit_AsShipped_IsValidAndHardened()
    {
        var analyze = Peers.Tool("systemd-analyze", "systemd");
        using var folder = new TempFolder();
        var unit = await File.ReadAllTextAsync(Path.Combine(Peers.Repository, "deploy", "systemd", "timingproxy.service"), Cancel);
        await File.WriteAllTextAsync(folder.File("timingproxy.service"), unit.Replace("/usr/local/bin/timingproxy", ProxyProcess.Executable, StringComparison.Ordinal), Cancel);

        var (exitCode, output, errors) = await ProcessRunner.RunAsync(analyze, ["verify", "--man=no", folder.File("timingproxy.service")], Cancel);
        Assert.True(exitCode == 0, output + errors);
        Assert.DoesNotContain("timingproxy.service:", errors, StringComparison.Ordinal);

        // 10 is no protection at all; systemd calls what is below 2 OK.
        (exitCode, output, errors) = await ProcessRunner.RunAsync(analyze, ["security", "--offline=true", "--threshold=20", folder.File("timingproxy.service")], Cancel);
        Assert.True(exitCode == 0, output + errors);
    }

    [GeneratedRegex(@"^\| `(GET|POST) (/\S*)` \|", RegexOptions.Multiline)]
    private static partial Regex EndpointRow();

    [GeneratedRegex("""\["(/[^"]*)"\] = """)]
    private static partial Regex TableKey();

    [GeneratedRegex(@"^\| `timingproxy (\w+)` \|", RegexOptions.Multiline)]
    private static partial Regex CommandRow();

    [GeneratedRegex(@"^  (\w+) ", RegexOptions.Multiline)]
    private static partial Regex HelpCommand();
}
