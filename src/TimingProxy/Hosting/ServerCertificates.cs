using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace TimingProxy.Hosting;

/// <summary>
/// The certificate of the TLS listeners, from Kestrel's own settings (<c>Kestrel:Certificates:Default</c>: <c>Path</c>, <c>KeyPath</c>,
/// <c>Password</c>). Files that were rotated are read again; where the new ones cannot be read the last good certificate stays.
/// </summary>
internal sealed partial class ServerCertificates(IConfiguration configuration, TimeProvider time, ILogger<ServerCertificates> logger)
{
    private static readonly TimeSpan LookAgainAfter = TimeSpan.FromSeconds(1);

    private readonly Lock _loading = new();
    private volatile Loaded? _current;

    /// <summary>What the next handshake is to use.</summary>
    /// <exception cref="StartupError">No certificate is configured, or none could ever be read.</exception>
    public ValueTask<SslServerAuthenticationOptions> OptionsAsync()
    {
        // Handshakes run on the thread that polls the sockets, which must not wait for a file.
        return _current is { } current && time.GetElapsedTime(current.LookedAt) <= LookAgainAfter
            ? ValueTask.FromResult(current.Options)
            : new ValueTask<SslServerAuthenticationOptions>(Task.Run(() => Refresh().Options));
    }

    /// <summary>Reads the certificate now, so that a mistake shows at the start and not at the first handshake.</summary>
    /// <exception cref="StartupError">As <see cref="OptionsAsync"/>.</exception>
    public void Load() => Refresh();

    private Loaded Refresh()
    {
        lock (_loading)
        {
            var previous = _current;
            long now = time.GetTimestamp();
            if (previous is not null && time.GetElapsedTime(previous.LookedAt, now) <= LookAgainAfter)
            {
                return previous;
            }

            var section = configuration.GetSection("Kestrel:Certificates:Default");
            string path = section["Path"] ?? throw new StartupError(
                ExitCode.Configuration,
                "Kestrel:Certificates:Default:Path is not set: an https address to listen on needs a certificate; "
                + "set Path (and KeyPath, or Password) there");
            string? keyPath = section["KeyPath"];
            try
            {
                string version = Version(path) + Version(keyPath);
                _current = previous?.Version == version
                    ? previous with { LookedAt = now, Rejected = null }
                    : new Loaded(Options(path, keyPath, section["Password"]), version, now);
            }
            catch (Exception error) when (error is IOException or CryptographicException or UnauthorizedAccessException or ArgumentException)
            {
                if (previous is null)
                {
                    throw new StartupError(
                        ExitCode.Configuration,
                        $"Kestrel:Certificates:Default:Path = \"{path}\": the certificate cannot be read: {error.Message}");
                }

                if (error.Message != previous.Rejected)
                {
                    LogRejected(path, error.Message);
                }

                _current = previous with { LookedAt = now, Rejected = error.Message };
            }

            return _current;
        }
    }

    private static SslServerAuthenticationOptions Options(string path, string? keyPath, string? password)
    {
        X509Certificate2 certificate;
        X509Certificate2Collection? chain = null;
        if (keyPath is null && X509Certificate2.GetCertContentType(path) == X509ContentType.Pkcs12)
        {
            certificate = X509CertificateLoader.LoadPkcs12FromFile(path, password);
        }
        else
        {
            certificate = password is null
                ? X509Certificate2.CreateFromPemFile(path, keyPath)
                : X509Certificate2.CreateFromEncryptedPemFile(path, password, keyPath);
            chain = [];
            chain.ImportFromPemFile(path);
        }

        // Offline: a listener must not wait for somebody else's server to fetch an intermediate.
        return new SslServerAuthenticationOptions
        {
            ServerCertificateContext = SslStreamCertificateContext.Create(certificate, chain, offline: true),
        };
    }

    private static string Version(string? path) =>
        path is null ? "" : Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)));

    [LoggerMessage(Level = LogLevel.Error, Message = "The certificate at {Path} has changed and cannot be read; the last good one stays: {Reason}")]
    private partial void LogRejected(string path, string reason);

    /// <param name="Rejected">Why what is there now is not used; null where it is.</param>
    private sealed record Loaded(SslServerAuthenticationOptions Options, string Version, long LookedAt, string? Rejected = null);
}
