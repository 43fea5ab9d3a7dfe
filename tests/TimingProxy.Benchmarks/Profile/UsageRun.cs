using TimingProxy.Benchmarks.Processes;

namespace TimingProxy.Benchmarks.Profile;

/// <summary>Puts a proxy to work as managed code, with the runtime counting which way its methods go.</summary>
internal sealed class UsageRun(Programs programs, Action<string> say)
{
    // Until a method has been called this often, it counts; then it is compiled without.
    private const int CountedCalls = 2000;

    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(60);

    /// <summary>A command that starts a managed program so, and has it write its counts when it ends to what <see cref="CountsOf"/> names.</summary>
    public string Command(string assembly)
    {
        string name = Path.GetFileNameWithoutExtension(assembly);
        string script = programs.Write($"{name}-counting", $"""
            #!/bin/sh
            export DOTNET_WritePGOData=1 DOTNET_PGODataPath='{CountsOf(name)}' DOTNET_TieredPGO=1 DOTNET_TieredPGO_InstrumentOnlyHotCode=0 DOTNET_ReadyToRun=0 \
                DOTNET_TC_CallCountThreshold={CountedCalls:X}
            exec dotnet '{assembly}' "$@"

            """);
        File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return script;
    }

    public string CountsOf(string name) => programs.PathOf($"{name}.counts");

    /// <summary>Runs a peer that such a command starts.</summary>
    /// <exception cref="InvalidOperationException">It did not end, or wrote no counts.</exception>
    public void Run(Peer peer, string name)
    {
        say($"{peer.Name}: counting");
        using var process = peer.Start!();
        Peers.Await(peer.Ports.Plain);
        ProfiledLoad.Small(peer, 20);
        ProfiledLoad.Everything(peer, process, programs);
        process.Terminate(EndLimit);
        if (!File.Exists(CountsOf(name)))
        {
            throw new InvalidOperationException($"{peer.Name} ended and wrote no counts to {CountsOf(name)}: does this runtime know DOTNET_WritePGOData?");
        }
    }
}
