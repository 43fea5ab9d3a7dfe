using System.Globalization;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>The figure is right: it agrees with what the backend measured of itself.</summary>
[Collection(DjangoTests.Name)]
public sealed class KnownDelayTests(DjangoServers servers)
{
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

        var requests = delayMs < 500 ? 50 : 20;
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
        await Task.WhenAll(Enumerable.Range(0, atATime).Select(n => ask((requests + n) / atATime)));

        var measured = figures.Min(f => f.App);
        Assert.True(measured >= delayMs, $"The app took {measured} ms where it was to wait {delayMs} ms.");
        // What the machine does meanwhile only adds; and code that is not optimised is slow itself.
        var difference = figures.Select(f => f.Proxy - f.App).Order().ElementAt(requests / 5);
        Assert.InRange(difference, -0.1, ProxyProcess.IsNative ? 2 : 20);
    }
}
