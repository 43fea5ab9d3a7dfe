using System.Globalization;
using System.Text;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd.Lab;

/// <summary>
/// A committed file of what one experiment found, with the command that makes it. The same lines stand in docs/django.md between
/// <c>&lt;!-- results of NAME --&gt;</c> and <c>&lt;!-- end --&gt;</c>.
/// </summary>
public sealed class ResultsFile(string name, string testClass)
{
    private static readonly string Folder = Path.Combine(Peers.Repository, "tests", "TimingProxy.EndToEnd", "Lab", "results");

    private readonly StringBuilder _text = new();

    public static string Document => Path.Combine(Peers.Repository, "docs", "django.md");

    public static IEnumerable<string> Names => Directory.EnumerateFiles(Folder, "*.md").Select(f => Path.GetFileNameWithoutExtension(f)).Order(StringComparer.Ordinal);

    public static string Text(string name) => File.ReadAllText(Path.Combine(Folder, name + ".md"));

    /// <summary>The lines of a document between the marks of a results file; null where there are none.</summary>
    public static string? Block(string document, string name)
    {
        var (begin, end) = Find(document, name);
        return begin < 0 ? null : document[begin..end];
    }

    public ResultsFile Line(string line)
    {
        _text.Append(line).Append('\n');
        return this;
    }

    public ResultsFile Table(IReadOnlyList<string> columns, IEnumerable<IReadOnlyList<string>> rows)
    {
        Row(columns);
        Row([.. columns.Select(_ => "---")]);
        foreach (var row in rows)
        {
            Row(row);
        }

        return Line("");

        void Row(IReadOnlyList<string> cells) => Line($"| {string.Join(" | ", cells)} |");
    }

    /// <summary>In the full form writes the file, and into the document; in the short form shows it to whoever reads the test's output.</summary>
    public async Task WriteAsync(CancellationToken cancellationToken)
    {
        var machine = string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessorCount} processors");
        var text = $"{_text.ToString().TrimEnd('\n')}\n\nMeasured on {machine} by `TIMINGPROXY_LAB=full dotnet test --project tests/TimingProxy.EndToEnd --filter-class {testClass}`.\n";
        TestContext.Current.TestOutputHelper?.WriteLine(text);
        if (!LabRun.IsFull)
        {
            return;
        }

        await File.WriteAllTextAsync(Path.Combine(Folder, name + ".md"), text, cancellationToken);
        var document = await File.ReadAllTextAsync(Document, cancellationToken);
        var (begin, end) = Find(document, name);
        if (begin >= 0)
        {
            await File.WriteAllTextAsync(Document, document[..begin] + text + document[end..], cancellationToken);
        }
    }

    private static (int Begin, int End) Find(string document, string name)
    {
        var mark = $"<!-- results of {name} -->\n";
        var begin = document.IndexOf(mark, StringComparison.Ordinal);
        if (begin < 0)
        {
            return (-1, -1);
        }

        begin += mark.Length;
        return (begin, document.IndexOf("<!-- end -->", begin, StringComparison.Ordinal));
    }
}
