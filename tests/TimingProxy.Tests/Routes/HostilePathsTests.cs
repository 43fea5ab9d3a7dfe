using System.Text;
using TimingProxy.Routes;
using TimingProxy.Tests.Functional;

namespace TimingProxy.Tests.Routes;

/// <summary>Learning is bounded in memory and work, whatever paths an app is foolish enough to answer with 200.</summary>
[Collection(nameof(RunsAlone))]
public sealed class HostilePathsTests
{
    private const int PageRoutes = 10;

    private readonly LearnedRoutes _routes = new(PageRoutes);

    public static TheoryData<string> WildPaths =>
    [
        "//////////",
        "/" + new string('a', 32_000),
        string.Concat(Enumerable.Repeat("/a", 16_000)),
        string.Concat(Enumerable.Repeat("/%2e%2e", 4_000)),
        "/\u0000/\u0001",
        "/\ud800/\udfff",
        "/{id}/{*}/{**all}",
        "/a\"b\\c\nd",
        "/caf\u00e9/\u65e5\u672c\u8a9e",
        "/\u200f\u202e",
    ];

    [Theory]
    [MemberData(nameof(WildPaths))]
    public void Observe_WildPath_IsAShortLabelOfWords(string path)
    {
        string? template = null;
        for (int i = 0; i < LearnedRoutes.AnswersToAdmit; i++)
        {
            template = _routes.Observe(path, isGoodAnswer: true)?.Template;
        }

        Assert.NotNull(template);
        Assert.InRange(template.Length, 1, 8 * 41);
        Assert.All(
            template.Split('/'),
            segment => Assert.True(segment is "{id}" or "{*}" || segment.All(c => char.IsLetterOrDigit(c) || "-_.~".Contains(c)), template));
    }

    [Fact]
    public void Observe_KnownPath_AllocatesNothing()
    {
        Observe("/articles/12345/comments", 100);
        Observe("/" + new string('a', 32_000), 100);
        string longPath = "/" + new string('b', 32_000);
        long before = GC.GetAllocatedBytesForCurrentThread();

        for (int i = 0; i < 1_000; i++)
        {
            _routes.Observe("/articles/54321/comments", isGoodAnswer: true);
            _routes.Observe(longPath, isGoodAnswer: true);
            _routes.Observe("/never/seen/and/not/found", isGoodAnswer: false);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Observe_TreeFullOfBelievedTemplates_StillLearns()
    {
        // Ten words at each of four depths are more nodes than the tree has, and every path is answered often enough to be believed.
        for (int i = 0; i < 9_999; i++)
        {
            Observe(string.Concat($"{i:0000}".Select(digit => $"/{(char)('a' + digit - '0')}")), 20);
            Assert.InRange(_routes.Nodes, 0, 4_000);
        }

        Observe("/a/new/one", 100);

        Assert.Equal(("/a/new/one", true), _routes.Observe("/a/new/one", isGoodAnswer: true));
    }

    [Fact]
    public void Observe_RandomWords_StayWithinBoundsOfMemory()
    {
        var random = new Random(11);
        long before = GC.GetTotalMemory(forceFullCollection: true);
        var path = new StringBuilder();
        for (int i = 0; i < 200_000; i++)
        {
            path.Clear();
            for (int depth = random.Next(1, 12); depth > 0; depth--)
            {
                path.Append('/').Append((char)('a' + random.Next(26))).Append((char)('a' + random.Next(26)));
            }

            _routes.Observe(path.ToString(), isGoodAnswer: true);
        }

        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 4 * 1024 * 1024);
        Assert.InRange(_routes.Nodes, 1, 4_000);
    }

    [Fact]
    public void Observe_WordsThatBecomeAny_LeaveThePage()
    {
        Observe("/blog/first", 100);
        Assert.True(_routes.Observe("/blog/first", isGoodAnswer: false)!.Value.IsOnPage);
        for (char c = 'a'; c < 'k'; c++)
        {
            Observe($"/blog/{c}", 1);
        }

        Assert.Equal(("/blog/{*}", true), _routes.Observe("/blog/first", isGoodAnswer: true));
        for (int i = 0; i < PageRoutes - 1; i++)
        {
            Observe($"/{(char)('a' + i)}/x", 20);
            Assert.True(_routes.Observe($"/{(char)('a' + i)}/x", isGoodAnswer: true)!.Value.IsOnPage, $"place {i}");
        }
    }

    private void Observe(string path, int times)
    {
        for (int i = 0; i < times; i++)
        {
            _routes.Observe(path, isGoodAnswer: true);
        }
    }
}
