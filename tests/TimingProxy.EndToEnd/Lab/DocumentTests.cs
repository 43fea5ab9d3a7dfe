namespace TimingProxy.EndToEnd.Lab;

/// <summary>The figures of docs/django.md are those of the committed results, to the letter.</summary>
public sealed class DocumentTests
{
    public static TheoryData<string> Results => [.. ResultsFile.Names];

    [Theory]
    [MemberData(nameof(Results))]
    public void Document_ForEachResult_HoldsItsLines(string name)
    {
        var document = File.ReadAllText(ResultsFile.Document);

        Assert.Equal(ResultsFile.Text(name), ResultsFile.Block(document, name));
    }

    [Fact]
    public void Document_EveryBlock_HasAResultsFile()
    {
        var blocks = File.ReadAllText(ResultsFile.Document).Split("<!-- results of ")[1..].Select(b => b[..b.IndexOf(' ', StringComparison.Ordinal)]);

        Assert.Equal(ResultsFile.Names, blocks.Order(StringComparer.Ordinal));
        Assert.NotEmpty(ResultsFile.Names);
    }
}
