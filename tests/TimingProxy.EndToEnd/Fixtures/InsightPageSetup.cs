using System.Text.Json;

namespace TimingProxy.EndToEnd.Fixtures;

/// <summary>A browser, and a proxy that has had thirty requests of 20 ms: twenty to one route, ten to one whose name is markup.</summary>
public sealed class InsightPageSetup : IAsyncLifetime
{
    public const string Markup = "<img src=x onerror=\"document.title='run'\">";

    private readonly TempFolder _folder = new();
    private RawBackend? _backend;
    private Browser? _browser;
    private ProxyProcess? _proxy;

    public Browser Browser => _browser!;

    public ProxyProcess Proxy => _proxy!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _browser = await Browser.StartAsync();
        _backend = new RawBackend(RawBackend.Answering("hello", delayMs: 20));
        // Route ids are whatever somebody has written into a file.
        var routes = new Dictionary<string, object>
        {
            ["plain"] = new { ClusterId = "upstream", Match = new { Path = "/plain" } },
            [Markup] = new { ClusterId = "upstream", Match = new { Path = "/markup" } },
        };
        await File.WriteAllTextAsync(_folder.File("routes.json"), JsonSerializer.Serialize(new { ReverseProxy = new { Routes = routes } }), Cancel);
        _proxy = await ProxyProcess.StartAsync(["--upstream", $"http://127.0.0.1:{_backend.Port}", "--config", _folder.File("routes.json")], Cancel);
        for (var i = 0; i < 30; i++)
        {
            await _proxy.GetAsync(i % 3 == 0 ? "/markup" : "/plain", Cancel);
        }

        // Until the window of ten seconds that the last one fell into is closed.
        await Until.TrueAsync(
            async () => (await DataAsync()).GetProperty("total").GetProperty("count").GetInt32() == 30, () => "The window never closed.", Cancel);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var started in (IAsyncDisposable?[])[_browser, _proxy, _backend])
        {
            await (started?.DisposeAsync() ?? ValueTask.CompletedTask);
        }

        _folder.Dispose();
    }

    public async Task<JsonElement> DataAsync()
    {
        var answer = await Proxy.AdminAsync("/insight.json", Cancel);
        Assert.Equal(200, answer.Status);
        return JsonDocument.Parse(answer.Text).RootElement;
    }
}
