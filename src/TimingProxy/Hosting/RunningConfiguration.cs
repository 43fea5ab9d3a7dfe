namespace TimingProxy.Hosting;

/// <summary>The configuration that the process was started with, and the one that is in force.</summary>
internal sealed class RunningConfiguration(LoadedConfiguration initial)
{
    private volatile LoadedConfiguration _current = initial;

    public LoadedConfiguration Initial { get; } = initial;

    public LoadedConfiguration Current
    {
        get => _current;
        set => _current = value;
    }
}
