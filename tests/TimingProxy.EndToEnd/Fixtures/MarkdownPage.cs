using System.Text.RegularExpressions;

namespace TimingProxy.EndToEnd.Fixtures;

/// <summary>A fenced block of a page.</summary>
/// <param name="Page">Relative to the repository.</param>
/// <param name="Line">Of its first line within the page, from 1.</param>
public sealed record FencedBlock(string Page, int Line, string Language, string Text);

/// <summary>A page of the documentation, read for its fenced blocks.</summary>
public sealed partial class MarkdownPage
{
    private MarkdownPage(string path, string text)
    {
        Path = path;
        Blocks = [.. Fence().Matches(text).Select(match => new FencedBlock(
            path, text.AsSpan(0, match.Groups["text"].Index).Count('\n') + 1, match.Groups["language"].Value,
            // A block inside a list is indented.
            match.Groups["text"].Value.Replace($"\n{match.Groups["indent"].Value}", "\n", StringComparison.Ordinal)[match.Groups["indent"].Length..]))];
    }

    public string Path { get; }

    public IReadOnlyList<FencedBlock> Blocks { get; }

    public static MarkdownPage Read(string relative) => new(relative, File.ReadAllText(System.IO.Path.Combine(Peers.Repository, relative)));

    /// <summary>README, docs, and the one of the manifests.</summary>
    public static IEnumerable<MarkdownPage> All() =>
        Directory.GetFiles(System.IO.Path.Combine(Peers.Repository, "docs"), "*.md", SearchOption.AllDirectories)
            .Append(System.IO.Path.Combine(Peers.Repository, "README.md"))
            .Append(System.IO.Path.Combine(Peers.Repository, "deploy", "kubernetes", "README.md"))
            .Select(path => System.IO.Path.GetRelativePath(Peers.Repository, path)).Order().Select(Read);

    /// <summary>The block whose first line is a comment with that file name.</summary>
    public string FileNamed(string name) =>
        Assert.Single(Blocks, block => block.Text.StartsWith($"# {name}\n", StringComparison.Ordinal) || block.Text.StartsWith($"// {name}\n", StringComparison.Ordinal)).Text;

    [GeneratedRegex(@"^(?<indent> *)```(?<language>\w*)[^\n]*\n(?<text>.*?)^\k<indent>```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();
}
