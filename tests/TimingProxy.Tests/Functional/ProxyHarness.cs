using System.Collections.Concurrent;
using System.Net;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using OpenTelemetry.Exporter;
using TimingProxy.EndToEnd.Fixtures;
using TimingProxy.Hosting;
using TimingProxy.Timing;

namespace TimingProxy.Tests.Functional;

/// <summary>The whole proxy in this process, with real sockets on both sides. Every request's figures are kept for the test to wait for.</summary>
internal sealed class ProxyHarness : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly WebApplication _app;
    private readonly Recorder _recorder;
    private readonly string _folder;

    private ProxyHarness(WebApplication app, Recorder recorder, string folder)
    {
        _app = app;
        _recorder = recorder;
        _folder = folder;
        var bound = app.Services.GetRequiredService<BoundAddresses>();
        Address = new Uri(bound.Traffic[0]);
        Admin = new Uri(bound.Admin[0]);
    }

    public Uri Address { get; }

    /// <summary>Where the traffic port listens, one for each address of <c>Listen</c>.</summary>
    public IReadOnlyList<string> Addresses => _app.Services.GetRequiredService<BoundAddresses>().Traffic;

    public Uri Admin { get; }

    public IServiceProvider Services => _app.Services;

    /// <summary>Level and text of each line that was logged.</summary>
    public ConcurrentQueue<(LogLevel Level, string Text)> Log => _recorder.Log;

    /// <summary>Starts a proxy in front of one upstream.</summary>
    /// <param name="settings">More settings, like <c>Upstream:Timeout=300ms</c>; names with a section of their own (<c>ReverseProxy:…</c>) as they are.</param>
    public static Task<ProxyHarness> StartAsync(Uri upstream, params string[] settings) => StartAsync(upstream.ToString(), settings);

    public static Task<ProxyHarness> StartAsync(string? upstream, params string[] settings) => StartAsync(upstream, _ => { }, settings);

    /// <param name="configure">Last word on the services.</param>
    public static async Task<ProxyHarness> StartAsync(string? upstream, Action<IServiceCollection> configure, params string[] settings)
    {
        var flags = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase)
        {
            ["TimingProxy:Listen"] = "http://127.0.0.1:0",
            ["TimingProxy:Admin:Listen"] = "http://127.0.0.1:0",
            ["Logging:Console:LogLevel:Default"] = "None",
        };
        if (upstream is not null)
        {
            flags["TimingProxy:Upstream:Address"] = upstream;
        }

        foreach (string setting in settings)
        {
            string[] parts = setting.Split('=', 2);
            bool isForeign = parts[0].Split(':')[0] is "ReverseProxy" or "Kestrel" or "Logging";
            flags[isForeign ? parts[0] : $"TimingProxy:{parts[0]}"] = parts[1];
        }

        // A file of its own, so that none of the machine's is found.
        string folder = Directory.CreateTempSubdirectory("timingproxy-").FullName;
        string file = Path.Combine(folder, "appsettings.json");
        await File.WriteAllTextAsync(file, "{}", TestContext.Current.CancellationToken);
        var options = new StartOptions(flags, file, Demo: false, new Dictionary<string, string>());
        var loaded = await LoadedConfiguration.LoadAsync(options, TestContext.Current.CancellationToken);
        var recorder = new Recorder();
        var app = await ProxyApplication.BuildAsync(options, loaded, TimeProvider.System, services =>
        {
            services.AddSingleton<IRequestObserver>(recorder);
            services.AddSingleton<ILoggerProvider>(recorder);
            // Signals are the test process's own.
            services.AddSingleton<IHostLifetime, NoSignals>();
            services.PostConfigure<PrometheusAspNetCoreOptions>(exporter => exporter.ScrapeResponseCacheDurationMilliseconds = 0);
            configure(services);
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new ProxyHarness(app, recorder, folder);
    }

    /// <summary>Starts a proxy in front of an app on this port that speaks TLS, with a certificate that nobody has signed.</summary>
    /// <param name="version">Of HTTP, as the cluster's <c>HttpRequest:Version</c> has it.</param>
    public static Task<ProxyHarness> StartBeforeTlsAsync(int port, string version) => StartAsync(
        (string?)null,
        "ReverseProxy:Routes:all:ClusterId=app",
        "ReverseProxy:Routes:all:Match:Path={**all}",
        $"ReverseProxy:Clusters:app:Destinations:one:Address=https://localhost:{port}",
        $"ReverseProxy:Clusters:app:HttpRequest:Version={version}",
        "ReverseProxy:Clusters:app:HttpClient:DangerousAcceptAnyServerCertificate=true");

    /// <summary>The figures of the next request that is over, in the order in which they ended.</summary>
    public async Task<Figures> NextAsync() =>
        await _recorder.Requests.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(Patience, TestContext.Current.CancellationToken);

    /// <summary>Whether nothing is known of a request beyond those already waited for.</summary>
    public bool HasNoMore => _recorder.Requests.Reader.Count == 0;

    public Task<Wire> ConnectAsync(int receiveBuffer = 0) => Wire.ConnectAsync(Address, receiveBuffer);

    /// <summary>One request on a connection of its own.</summary>
    public async Task<Answer> AskAsync(string request)
    {
        await using var wire = await ConnectAsync();
        await wire.SendAsync(request);
        return await wire.ReceiveAsync(hasBody: !request.StartsWith("HEAD ", StringComparison.Ordinal));
    }

    /// <param name="headers">More header lines, each ended by CR LF.</param>
    public Task<Answer> GetAsync(string target = "/", string headers = "", string method = "GET") =>
        AskAsync($"{method} {target} HTTP/1.1\r\nHost: app.example\r\n{headers}\r\n");

    /// <summary>A client of one HTTP version only.</summary>
    public HttpClient Client(int version = 2) =>
        Client(version, new SocketsHttpHandler { UseProxy = false, UseCookies = false, AllowAutoRedirect = false });

    /// <inheritdoc cref="Client(int)"/>
    public HttpClient Client(int version, SocketsHttpHandler handler) => new(handler)
    {
        BaseAddress = Address,
        DefaultRequestVersion = new Version(version, version == 1 ? 1 : 0),
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        Timeout = Patience,
    };

    /// <param name="accept">Of the request, to ask for OpenMetrics.</param>
    public async Task<string> MetricsTextAsync(string accept = "text/plain")
    {
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(Admin, "/metrics"));
        request.Headers.TryAddWithoutValidation("Accept", accept);
        using var response = await client.SendAsync(request, TestContext.Current.CancellationToken);
        response.EnsureSuccessStatusCode();
        return await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
    }

    public async Task<Scrape> ScrapeAsync() => new(await MetricsTextAsync());

    /// <summary>Waits for what nothing tells of.</summary>
    /// <param name="again">Done before each further look.</param>
    public async Task UntilAsync(Func<bool> condition, Func<Task>? again = null)
    {
        using var patience = new CancellationTokenSource(Patience);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (!condition())
        {
            await timer.WaitForNextTickAsync(patience.Token);
            await (again?.Invoke() ?? Task.CompletedTask);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync(new CancellationToken(canceled: true));
        await _app.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    // As Program does before anything else: the server reads it once.
    [ModuleInitializer]
    internal static void SetSwitches() => AppContext.SetSwitch("Microsoft.AspNetCore.Server.Kestrel.DisableHttp1LineFeedTerminators", true);

    private sealed class NoSignals : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    /// <summary>Keeps what observers and the log are told.</summary>
    private sealed class Recorder : IRequestObserver, ILoggerProvider, ILogger
    {
        public Channel<Figures> Requests { get; } = Channel.CreateUnbounded<Figures>();

        public ConcurrentQueue<(LogLevel Level, string Text)> Log { get; } = [];

        public void OnCompleted(RequestTiming request) => Requests.Writer.TryWrite(Figures.Of(request));

        public ILogger CreateLogger(string categoryName) => this;

        public bool IsEnabled(LogLevel logLevel) => true;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        void ILogger.Log<TState>(LogLevel level, EventId id, TState state, Exception? exception, Func<TState, Exception?, string> format) =>
            Log.Enqueue((level, format(state, exception)));

        public void Dispose()
        {
        }
    }
}

/// <summary>What an observer saw of one request; times in milliseconds.</summary>
internal sealed record Figures(
    string Path,
    int Status,
    string? ErrorType,
    string Route,
    string Cluster,
    double Upstream,
    double Upload,
    double Queue,
    double Body,
    double Overhead,
    double Total,
    bool HasResponse,
    bool IsUpgraded,
    int InFlight,
    long BytesIn,
    long BytesOut)
{
    /// <summary>As the header shows it.</summary>
    public string UpstreamText => Milliseconds.Format(Upstream);

    public static Figures Of(RequestTiming request)
    {
        var clock = request.Clock;
        return new Figures(
            request.Context.Request.Path.Value ?? "",
            request.StatusCode,
            request.ErrorType,
            request.Route,
            request.Cluster,
            clock.ToMilliseconds(request.UpstreamTicks),
            clock.ToMilliseconds(request.UploadTicks),
            clock.ToMilliseconds(request.QueueTicks),
            clock.ToMilliseconds(request.BodyTicks),
            clock.ToMilliseconds(request.OverheadTicks),
            clock.ToMilliseconds(request.TotalTicks),
            request.HasResponse,
            request.IsUpgraded,
            request.InFlightOnArrival,
            request.BytesIn,
            request.BytesOut);
    }
}
