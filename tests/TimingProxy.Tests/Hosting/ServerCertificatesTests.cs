using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;
using TimingProxy.Hosting;
using TimingProxy.Tests.Functional;

namespace TimingProxy.Tests.Hosting;

public sealed class ServerCertificatesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("timingproxy-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Options_FileStaysBroken_IsSaidOnceUntilItIsGoodAgain()
    {
        string path = Path.Combine(_folder, "tls.crt");
        string keyPath = Path.Combine(_folder, "tls.key");
        using var certificate = SelfMadeCertificate.For("proxy.example");
        SelfMadeCertificate.Write(certificate, path, keyPath);
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(
            [new("Kestrel:Certificates:Default:Path", path), new("Kestrel:Certificates:Default:KeyPath", keyPath)]).Build();
        var time = new FakeTimeProvider();
        var log = new FakeLogger<ServerCertificates>();
        var certificates = new ServerCertificates(configuration, time, log);
        certificates.Load();

        foreach (bool isGood in (bool[])[false, false, true, false])
        {
            if (isGood)
            {
                SelfMadeCertificate.Write(certificate, path, keyPath);
            }
            else
            {
                await File.WriteAllTextAsync(path, "torn", TestContext.Current.CancellationToken);
            }

            time.Advance(TimeSpan.FromSeconds(2));
            Assert.NotNull((await certificates.OptionsAsync()).ServerCertificateContext);
        }

        Assert.Equal(2, log.Collector.GetSnapshot().Count(entry => entry.Level == LogLevel.Error));
    }
}
