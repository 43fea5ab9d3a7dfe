namespace TimingProxy.Hosting;

/// <summary>How a process of ours ends, after sysexits.h.</summary>
internal static class ExitCode
{
    public const int Ok = 0;

    /// <summary>Anything that has no code of its own.</summary>
    public const int Failure = 1;

    /// <summary>A bad flag, a bad value of a flag, nothing to proxy to.</summary>
    public const int Usage = 64;

    /// <summary>An address to listen on is in use.</summary>
    public const int Unavailable = 69;

    /// <summary>A bad value from a file or the environment, a missing or broken file.</summary>
    public const int Configuration = 78;
}

/// <summary>Why the process cannot start: one readable message, and the code it ends with.</summary>
internal sealed class StartupError(int exitCode, string message) : Exception(message)
{
    public int ExitCode { get; } = exitCode;
}
