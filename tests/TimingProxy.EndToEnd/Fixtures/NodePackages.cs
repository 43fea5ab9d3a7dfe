namespace TimingProxy.EndToEnd.Fixtures;

/// <summary>A folder with what types/package.json names, installed when the first test asks for it.</summary>
public sealed class NodePackages : IDisposable
{
    private readonly TempFolder _folder = new();
    private bool _installed;

    public async Task<TempFolder> FolderAsync(CancellationToken cancellationToken)
    {
        if (!_installed)
        {
            foreach (var name in new[] { "package.json", "validate.mjs" })
            {
                File.Copy(Path.Combine(Peers.Repository, "tests", "TimingProxy.EndToEnd", "types", name), _folder.File(name), overwrite: true);
            }

            var (exitCode, _, errors) = await ProcessRunner.RunAsync(
                Peers.Tool("npm", "npm"), ["install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"], cancellationToken, workingDirectory: _folder.Path);
            Peers.Require(exitCode == 0, $"npm could not install the types: {errors}");
            _installed = true;
        }

        return _folder;
    }

    public void Dispose() => _folder.Dispose();
}
