using TimingProxy.Routes;
using TimingProxy.Settings;
using TimingProxy.Tests.Metrics;
using TimingProxy.Timing;

namespace TimingProxy.Tests.Routes;

public sealed class RouteLabelsTests
{
    private readonly FinishedRequests _requests = new();

    [Fact]
    public void Label_OfAConfiguredRoute_IsItsId()
    {
        var labels = Labels(new MetricsSettings { LearnRoutes = true });

        for (int i = 0; i < 50; i++)
        {
            Assert.Equal(("api", "api"), Label(labels, "/api/users", matched: "api"));
        }
    }

    [Fact]
    public void Label_OfALearnedTemplate_IsOfThePageAlways_AndOfTheMetricsWhereAskedFor()
    {
        var settings = new LiveSettings(new ProxySettings());
        var labels = new RouteLabels(settings);

        for (int i = 1; i < LearnedRoutes.AnswersToAdmit; i++)
        {
            Assert.Equal(("default", "default"), Label(labels, $"/users/{i}"));
        }

        Assert.Equal(("default", "/users/{id}"), Label(labels, "/users/20"));
        settings.Publish(new ProxySettings { Metrics = new MetricsSettings { LearnRoutes = true } });
        Assert.Equal(("/users/{id}", "/users/{id}"), Label(labels, "/users/21"));
        settings.Publish(new ProxySettings());
        Assert.Equal(("default", "/users/{id}"), Label(labels, "/users/22"));
    }

    [Theory]
    [InlineData(200, true)]
    [InlineData(204, true)]
    [InlineData(304, true)]
    [InlineData(199, false)]
    [InlineData(301, false)]
    [InlineData(302, false)]
    [InlineData(404, false)]
    [InlineData(500, false)]
    public void Label_OnlyAnswersOf2xxAnd304_Admit(int status, bool admits)
    {
        var labels = Labels(new MetricsSettings { LearnRoutes = true });
        for (int i = 0; i < 100; i++)
        {
            Label(labels, "/reports", status: status);
        }

        Assert.Equal(admits ? "/reports" : "default", Label(labels, "/reports").Route);
    }

    [Fact]
    public void Label_OwnAnswersOfTheProxy_DoNotAdmit()
    {
        var labels = Labels(new MetricsSettings { LearnRoutes = true });
        for (int i = 0; i < 100; i++)
        {
            labels.Label(_requests.Of("/reports", hasResponse: false));
        }

        Assert.Equal("default", Label(labels, "/reports").Route);
    }

    [Fact]
    public void Label_FailureOnAKnownTemplate_BelongsToIt()
    {
        var labels = Labels(new MetricsSettings { LearnRoutes = true });
        for (int i = 0; i < LearnedRoutes.AnswersToAdmit; i++)
        {
            Label(labels, $"/reports/{i}");
        }

        var timeout = _requests.Of("/reports/7", 504, hasResponse: false, errorType: ErrorType.Timeout);
        labels.Label(timeout);

        Assert.Equal(("/reports/{id}", "/reports/{id}"), (timeout.Route, timeout.InsightRoute));
    }

    [Fact]
    public void Label_AboveMaxRoutes_IsOtherAndNeverReplacesAKnownOne()
    {
        var labels = Labels(new MetricsSettings { MaxRoutes = 2 });

        Assert.Equal("a", Label(labels, "/", matched: "a").Route);
        Assert.Equal("b", Label(labels, "/", matched: "b").Route);
        for (int i = 0; i < 100; i++)
        {
            Assert.Equal("_other", Label(labels, "/", matched: "c").Route);
        }

        Assert.Equal("a", Label(labels, "/", matched: "a").Route);
        Assert.Equal("default", Label(labels, "/").Route);
    }

    [Fact]
    public void Label_MuchUsedTemplateAboveMaxRoutes_TakesAPlaceOnThePageAndNoneInTheMetrics()
    {
        var labels = Labels(new MetricsSettings { MaxRoutes = 1, LearnRoutes = true });
        for (int i = 0; i < 30; i++)
        {
            Label(labels, "/first");
        }

        (string Route, string InsightRoute) last = default;
        for (int i = 0; i < 40; i++)
        {
            last = Label(labels, "/second");
        }

        Assert.Equal(("_other", "/second"), last);
        Assert.Equal(("/first", "default"), Label(labels, "/first"));
    }

    [Fact]
    public void Label_TemplateInTheMetrics_OutlivesAFloodOfOthers()
    {
        var labels = Labels(new MetricsSettings { MaxRoutes = 1, LearnRoutes = true });
        for (int i = 0; i < LearnedRoutes.AnswersToAdmit; i++)
        {
            Label(labels, "/x/first");
        }

        // Templates enough to fill the tree several times, each used more often.
        for (int i = 0; i < 9_999; i++)
        {
            string path = string.Concat($"{i:0000}".Select(digit => $"/{(char)('a' + digit - '0')}"));
            for (int k = 0; k < 25; k++)
            {
                Label(labels, path);
            }
        }

        Assert.Equal("/x/first", Label(labels, "/x/first").Route);
    }

    private static RouteLabels Labels(MetricsSettings metrics) => new(new LiveSettings(new ProxySettings { Metrics = metrics }));

    private (string Route, string InsightRoute) Label(
        RouteLabels labels, string path, int status = 200, string matched = RequestTiming.DefaultRoute)
    {
        var timing = _requests.Of(path, status);
        timing.MatchedRoute = matched;
        labels.Label(timing);
        return (timing.Route, timing.InsightRoute);
    }
}
