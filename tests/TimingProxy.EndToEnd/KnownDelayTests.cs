using System.Globalization;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>The figure is right: it agrees with what the backend measured of itself.</summary>
[Collection(DjangoTests.Name)]
public sealed class KnownDelayTests(DjangoServers servers)
{
    private const int Requests = 50;

    [Theory]
    [InlineData("gunicorn", "/delay", 0, 1)]
    [InlineData("gunicorn", "/delay", 5, 1)]
    [InlineData("gunicorn", "/delay", 50, 1)]
    [InlineData("gunicorn", "/delay", 500, 4)]
    [InlineData("uvicorn", "/async/delay", 0, 1)]
    [InlineData("uvicorn", "/async/delay", 5, 1)]
    [InlineData("uvicorn", "/async/delay", 50, 1)]
    [InlineData("uvicorn", "/async/delay", 500, 4)]
    public async Task RenderMs_OfKnownDelay_IsWhatTheBackendMeasured(string server, string path, int delayMs, int atATime)
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var (_, proxy) = await servers.GetAsync(server, cancellationToken);
        await proxy.GetAsync($"{path}?ms=0", cancellationToken);

        var figures = new List<(double Proxy, double App)>();
        var ask = async (int count) =>
        {
            for (var i = 0; i < count; i++)
            {
                var answer = await proxy.GetAsync($"{path}?ms={delayMs}", cancellationToken);
                var app = double.Parse(answer.Head.Value("X-App-MS")!, CultureInfo.InvariantCulture);
                lock (figures)
                {
                    figures.Add((answer.RenderMs, app));
                }
            }
        };
        await Task.WhenAll(Enumerable.Range(0, atATime).Select(n => ask((Requests + n) / atATime)));

        var (stamped, measured) = (Median(figures.Select(f => f.Proxy)), Median(figures.Select(f => f.App)));
        TestContext.Current.SendDiagnosticMessage($"{server} {delayMs} ms: proxy {stamped} ms, app {measured} ms");
        Assert.True(measured >= delayMs, $"The app took {measured} ms where it was to wait {delayMs} ms.");
        Assert.True(
            Math.Abs(stamped - measured) <= 2,
            string.Create(CultureInfo.InvariantCulture, $"The median of X-Render-MS is {stamped} ms, of the app's own figure {measured} ms."));
    }

    private static double Median(IEnumerable<double> figures)
    {
        var sorted = figures.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
