namespace TimingProxy.EndToEnd.Fixtures;

/// <summary>
/// A real Docker engine with our images in it, started by <c>.ci/engine</c> when the first test asks for it. It keeps its layers in
/// artifacts/engine, so only the first run there builds everything.
/// </summary>
public sealed class DockerEngine : IAsyncDisposable
{
    private static readonly TimeSpan BuildLimit = TimeSpan.FromMinutes(8);

    private readonly SemaphoreSlim _starting = new(1);
    private ProcessRunner? _engine;
    private string _socket = "";

    /// <summary>What it said while it started: which base images are stand-ins.</summary>
    public string Story => _engine?.Story ?? "";

    /// <summary>Starts it if it is not running.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        Peers.Tool("dockerd", "docker.io");
        var bash = Peers.Tool("bash", "bash");
        Peers.Require(System.Environment.UserName == "root", "an engine of our own needs root");
        await _starting.WaitAsync(cancellationToken);
        try
        {
            if (_engine is not null)
            {
                return;
            }

            var folder = Path.Combine(Peers.Repository, "artifacts", "engine");
            _engine = ProcessRunner.Start(bash, [Path.Combine(Peers.Repository, ".ci", "engine"), folder]);
            await Until.TrueAsync(
                () => _engine.HasExited
                    ? throw new InvalidOperationException($"The engine ended before it was ready. {_engine.Story}")
                    : Task.FromResult(_engine.Output.Contains("ready ", StringComparison.Ordinal)),
                () => $"The engine was not ready in time. {_engine.Story}",
                cancellationToken,
                BuildLimit);
            _socket = _engine.Output.Split('\n').Single(line => line.StartsWith("ready ", StringComparison.Ordinal))["ready ".Length..];
        }
        finally
        {
            _starting.Release();
        }
    }

    /// <summary>Runs a docker command that must succeed.</summary>
    /// <returns>Its output, trimmed.</returns>
    public async Task<string> DockerAsync(CancellationToken cancellationToken, params string[] arguments)
    {
        var (exitCode, output, errors) = await TryDockerAsync(cancellationToken, arguments);
        Assert.True(exitCode == 0, $"docker {string.Join(' ', arguments)}: exit code {exitCode}\n{output}\n{errors}");
        return output.Trim();
    }

    public Task<(int ExitCode, string Output, string Errors)> TryDockerAsync(CancellationToken cancellationToken, params string[] arguments) =>
        ProcessRunner.RunAsync(Peers.Tool("docker", "docker.io"), arguments, cancellationToken, Environment());

    /// <summary>Runs <c>docker-compose</c> in deploy/compose, with the ports that the files leave open.</summary>
    public async Task<string> ComposeAsync(IReadOnlyDictionary<string, string?> variables, CancellationToken cancellationToken, params string[] arguments)
    {
        var environment = Environment();
        foreach (var (name, value) in variables)
        {
            environment[name] = value;
        }

        var (exitCode, output, errors) = await ProcessRunner.RunAsync(
            Peers.Tool("docker-compose", "docker-compose"), arguments, cancellationToken, environment, Path.Combine(Peers.Repository, "deploy", "compose"));
        Assert.True(exitCode == 0, $"docker-compose {string.Join(' ', arguments)}: exit code {exitCode}\n{output}\n{errors}");
        return output;
    }

    public async ValueTask DisposeAsync()
    {
        if (_engine is not null)
        {
            // It stops its containers first.
            _engine.SendSigterm();
            await _engine.WaitForExitAsync(CancellationToken.None);
            await _engine.DisposeAsync();
        }

        _starting.Dispose();
    }

    private Dictionary<string, string?> Environment() => new() { ["DOCKER_HOST"] = _socket, ["DOCKER_CONTEXT"] = null };
}

/// <summary>The tests that share the engine.</summary>
[CollectionDefinition(Name)]
public sealed class DockerTests : ICollectionFixture<DockerEngine>
{
    public const string Name = "Docker";
}
