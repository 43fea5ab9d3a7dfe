using System.Collections.Concurrent;
using Microsoft.Playwright;

namespace TimingProxy.EndToEnd.Fixtures;

/// <summary>Debian's Chromium without a window, driven by Playwright; no browser is ever downloaded.</summary>
public sealed class Browser : IAsyncDisposable
{
    // Without these Chromium talks to hosts of its maker's.
    private static readonly string[] Flags =
    [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ];

    private readonly IPlaywright _playwright;
    private readonly IBrowser _browser;

    private Browser(IPlaywright playwright, IBrowser browser) => (_playwright, _browser) = (playwright, browser);

    public static async Task<Browser> StartAsync()
    {
        var chromium = Peers.Tool("chromium", "chromium");
        var playwright = await Playwright.CreateAsync();
        return new Browser(playwright, await playwright.Chromium.LaunchAsync(new() { ExecutablePath = chromium, Headless = true, Args = Flags }));
    }

    /// <summary>Opens the insight page of a proxy, and waits for its first figures.</summary>
    public async Task<InsightPage> OpenAsync(ProxyProcess proxy, int width = 1280, int height = 900, ColorScheme scheme = ColorScheme.Light)
    {
        var context = await _browser.NewContextAsync(new() { ViewportSize = new() { Width = width, Height = height }, ColorScheme = scheme });
        return await InsightPage.OpenAsync(context, new Uri($"http://127.0.0.1:{proxy.AdminPort}/"));
    }

    public async ValueTask DisposeAsync()
    {
        await _browser.DisposeAsync();
        _playwright.Dispose();
    }
}

/// <summary>The page in a browser of its own: what it asked for, and what it complained of.</summary>
public sealed class InsightPage : IAsyncDisposable
{
    private readonly IBrowserContext _context;
    private readonly ConcurrentQueue<string> _requests = new();
    private readonly ConcurrentQueue<string> _complaints = new();

    private InsightPage(IBrowserContext context, IPage page) => (_context, Page) = (context, page);

    public IPage Page { get; }

    /// <summary>Everything that the page has asked for.</summary>
    public IReadOnlyCollection<string> Requests => _requests;

    /// <summary>Errors on the console, and what the page's policy has kept it from.</summary>
    public IReadOnlyCollection<string> Complaints => _complaints;

    public IBrowserContext Context => _context;

    public static async Task<InsightPage> OpenAsync(IBrowserContext context, Uri address)
    {
        var opened = new InsightPage(context, await context.NewPageAsync());
        opened.Page.Request += (_, request) => opened._requests.Enqueue(request.Url);
        opened.Page.Console += (_, message) =>
        {
            if (message.Type == "error")
            {
                opened._complaints.Enqueue(message.Text);
            }
        };
        opened.Page.PageError += (_, error) => opened._complaints.Enqueue(error);
        await opened.Page.GotoAsync(address.ToString());
        await opened.Page.WaitForSelectorAsync("#tiles div");
        return opened;
    }

    /// <summary>Keeps a picture of the whole page under artifacts/screenshots.</summary>
    public Task KeepPictureAsync(string name) => Page.ScreenshotAsync(new()
    {
        Path = Path.Combine(Peers.Repository, "artifacts", "screenshots", $"{name}.png"),
        FullPage = true,
    });

    public async ValueTask DisposeAsync() => await _context.DisposeAsync();
}
