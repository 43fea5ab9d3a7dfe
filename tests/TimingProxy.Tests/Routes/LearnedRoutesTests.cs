using System.Globalization;
using TimingProxy.Routes;

namespace TimingProxy.Tests.Routes;

public sealed class LearnedRoutesTests
{
    private readonly LearnedRoutes _routes = new(pageRoutes: 3);

    [Fact]
    public void Observe_TwentyGoodAnswers_AdmitTheTemplate()
    {
        for (int i = 1; i < LearnedRoutes.AnswersToAdmit; i++)
        {
            Assert.Null(_routes.Observe($"/articles/{i}", isGoodAnswer: true));
        }

        Assert.Equal(("/articles/{id}", true), _routes.Observe("/articles/77", isGoodAnswer: true));
        Assert.Equal("/articles/{id}", _routes.Observe("/articles/78", isGoodAnswer: false)?.Template);
    }

    [Fact]
    public void Observe_BadAnswers_NeverAdmit()
    {
        for (int i = 0; i < 1000; i++)
        {
            Assert.Null(_routes.Observe("/wp-admin/setup", isGoodAnswer: false));
        }

        Assert.Null(Good("/wp-admin/setup", 19));
        Assert.NotNull(Good("/wp-admin/setup", 1));
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/about")]
    [InlineData("/shop//cart/")]
    public void Observe_BadAnswerOfAKnownWord_BelongsToIt(string path)
    {
        Good(path, 20);

        Assert.Equal(path, _routes.Observe(path, isGoodAnswer: false)?.Template);
    }

    [Fact]
    public void Observe_PathThatLooksLikeATemplate_IsAValue()
    {
        for (int i = 0; i < 11; i++)
        {
            Good($"/slug-{(char)('a' + i)}", 20);
        }

        Assert.Equal("/{*}", Good("/another-slug", 1)?.Template);
        Assert.Null(_routes.Observe("/{*}", isGoodAnswer: true));
        Assert.Equal("/{id}", Good("/{id}", 20)?.Template);
    }

    [Fact]
    public void Observe_MoreThanTenWords_BecomeAny()
    {
        for (int i = 0; i < 11; i++)
        {
            Good($"/blog/slug-{(char)('a' + i)}/comments", 3);
        }

        Assert.Equal("/blog/{*}/comments", Good("/blog/another-slug/comments", 1)?.Template);
    }

    [Fact]
    public void Observe_TenWords_StayWords()
    {
        for (int i = 0; i < 10; i++)
        {
            Good($"/{(char)('a' + i)}", 20);
        }

        Assert.Equal("/a", Good("/a", 1)?.Template);
    }

    [Fact]
    public void Observe_DeepPath_CountsToACertainDepth() =>
        Assert.Equal(8, Good("/a/b/c/d/e/f/g/h/i/j/k", 20)!.Value.Template.Count(c => c == '/'));

    [Fact]
    public void Observe_FullPage_ReplacesTheLeastUsed()
    {
        Assert.True(Good("/a", 50)!.Value.IsOnPage);
        Assert.True(Good("/b", 40)!.Value.IsOnPage);
        Assert.True(Good("/c", 30)!.Value.IsOnPage);
        Assert.False(Good("/d", 25)!.Value.IsOnPage);
        Assert.True(Good("/d", 6)!.Value.IsOnPage);
        Assert.False(_routes.Observe("/c", isGoodAnswer: false)!.Value.IsOnPage);
        Assert.True(_routes.Observe("/a", isGoodAnswer: false)!.Value.IsOnPage);
    }

    [Theory]
    [InlineData("")]
    [InlineData("*")]
    [InlineData("no-slash")]
    public void Observe_NoPath_IsNothing(string path) => Assert.Null(Good(path, 50));

    [Fact]
    public void Observe_EndlessDifferentPaths_StayBounded()
    {
        var random = new Random(3);
        var templates = new HashSet<string>();
        for (int i = 0; i < 100_000; i++)
        {
            string path = string.Concat(Enumerable.Range(0, random.Next(1, 10)).Select(_ => $"/{Word(random)}"));
            if (_routes.Observe(path, isGoodAnswer: true) is var (template, _))
            {
                templates.Add(template);
            }
        }

        Assert.InRange(templates.Count, 1, 4_000);
    }

    [Fact]
    public async Task Observe_ManyThreads_CountEveryAnswerOnce()
    {
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(
            () =>
            {
                for (int i = 0; i < 5_000; i++)
                {
                    _routes.Observe($"/items/{i.ToString(CultureInfo.InvariantCulture)}", isGoodAnswer: true);
                }
            },
            TestContext.Current.CancellationToken)));

        Assert.Equal(("/items/{id}", true), _routes.Observe("/items/1", isGoodAnswer: false));
    }

    private static string Word(Random random) => $"{(char)('a' + random.Next(26))}{(char)('a' + random.Next(26))}";

    private (string Template, bool IsOnPage)? Good(string path, int times)
    {
        (string, bool)? last = null;
        for (int i = 0; i < times; i++)
        {
            last = _routes.Observe(path, isGoodAnswer: true);
        }

        return last;
    }
}
