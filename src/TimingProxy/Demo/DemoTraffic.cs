using System.Globalization;

namespace TimingProxy.Demo;

/// <summary>
/// Light traffic through the proxy, so that there is something to see: a dozen requests a second, arriving at random as those of many
/// users do, with a short rush on the checkout now and then that its two workers cannot keep up with.
/// </summary>
/// <param name="proxy">Null as long as it is not listened on, and where it is not listened on TCP.</param>
internal sealed partial class DemoTraffic(Func<Uri?> proxy, TimeProvider time, ILogger<DemoTraffic> logger) : BackgroundService
{
    private const double RequestsPerSecond = 12;
    private const double RushRequestsPerSecond = 70;
    private const int MaxUnderWay = 64;

    private static readonly TimeSpan Period = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Rush = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly string[] Slugs = ["hello", "measure-first", "async-or-not", "queues", "caches", "indexes"];

    private readonly Random _random = new(2);
    private int _underWay;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var handler = new SocketsHttpHandler { UseCookies = false, UseProxy = false };
        using var client = new HttpMessageInvoker(handler, disposeHandler: false);
        long start = time.GetTimestamp();
        while (!stoppingToken.IsCancellationRequested)
        {
            bool isRush = time.GetElapsedTime(start).Ticks % Period.Ticks < Rush.Ticks;
            double rate = isRush ? RushRequestsPerSecond : RequestsPerSecond;
            var pause = TimeSpan.FromSeconds(-Math.Log(1 - _random.NextDouble()) / rate);
            await Task.Delay(pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stoppingToken.IsCancellationRequested)
            {
                return;
            }

            // Open loop: a request is sent whether or not those before it are answered, up to a bound.
            if (Volatile.Read(ref _underWay) < MaxUnderWay && proxy() is { } address)
            {
                _ = SendAsync(client, new Uri(address, NextPath(isRush)), stoppingToken);
            }
        }
    }

    private async Task SendAsync(HttpMessageInvoker client, Uri uri, CancellationToken stoppingToken)
    {
        Interlocked.Increment(ref _underWay);
        try
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
            patience.CancelAfter(Patience);
            using var request = new HttpRequestMessage(HttpMethod.Get, uri);
            using var response = await client.SendAsync(request, patience.Token);
            await response.Content.CopyToAsync(Stream.Null, patience.Token);
        }
        catch (Exception error) when (error is HttpRequestException or OperationCanceledException or IOException)
        {
            LogFailed(uri, error.Message);
        }
        finally
        {
            Interlocked.Decrement(ref _underWay);
        }
    }

    private string NextPath(bool isRush) => _random.NextDouble() switch
    {
        _ when isRush && _random.NextDouble() < 0.85 => "/checkout",
        < 0.45 => "/articles/" + Slugs[_random.Next(Slugs.Length)],
        < 0.65 => "/search?q=" + Slugs[_random.Next(Slugs.Length)],
        < 0.80 => "/checkout",
        < 0.88 => string.Create(CultureInfo.InvariantCulture, $"/reports/{_random.Next(1, 500)}"),
        < 0.97 => "/flaky",
        _ => "/events",
    };

    [LoggerMessage(Level = LogLevel.Debug, Message = "Demo request {Uri} failed: {Reason}")]
    private partial void LogFailed(Uri uri, string reason);
}
