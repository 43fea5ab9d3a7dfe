using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using TimingProxy.Hosting;
using TimingProxy.Insight;

namespace TimingProxy.Commands;

/// <summary>Commands on saved insight data: take a snapshot, and compare two.</summary>
internal static class InsightCommands
{
    /// <summary>The later measurement is worse.</summary>
    private const int Worse = 3;

    /// <summary>The data does not say.</summary>
    private const int CannotTell = 4;

    private const int LongestReason = 200;

    private const string AdminMend = "if that is the traffic port, name the admin address, like http://localhost:9464 (Admin:Listen)";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public static Command Snapshot()
    {
        var url = new Argument<string>("URL") { Description = "Admin address of a proxy: http://localhost:9464" };
        var window = WindowOption();
        var command = new Command("snapshot", "Print the insight data of a running proxy, to be compared later") { url, window };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            byte[] data = await ReadAsync(parsed.GetValue(url)!, parsed.GetValue(window), cancellationToken);
            await using var output = Console.OpenStandardOutput();
            await output.WriteAsync(data, cancellationToken);
            return ExitCode.Ok;
        });
        return command;
    }

    public static Command Compare()
    {
        var before = new Argument<string>("BEFORE") { Description = "Saved snapshot, or admin address of a proxy" };
        var after = new Argument<string>("AFTER") { Description = "Saved snapshot, or admin address of a proxy" };
        var window = WindowOption();
        var json = new Option<bool>("--json") { Description = "Print JSON instead of a table" };
        var command = new Command("compare", "Compare two measurements at the same mix of routes; exit 0 no worse, 3 worse, 4 cannot tell") { before, after, window, json };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var earlier = await LoadAsync(parsed.GetValue(before)!, parsed.GetValue(window), cancellationToken);
            var later = await LoadAsync(parsed.GetValue(after)!, parsed.GetValue(window), cancellationToken);
            if (earlier.Overlaps(later))
            {
                await Console.Error.WriteLineAsync(
                    "The two measurements overlap in time, so part of their requests are the same. Wait, or take a shorter window: --window 2m.");
            }

            var comparison = Comparison.Of(earlier, later);
            await Console.Out.WriteAsync(parsed.GetValue(json) ? Json(comparison) : Table(comparison));
            return comparison.Change switch
            {
                Change.NoWorse => ExitCode.Ok,
                Change.Worse => Worse,
                _ => CannotTell,
            };
        });
        return command;
    }

    private static Option<string?> WindowOption() =>
        new("--window") { Description = "Time before now that a running proxy is asked for, 10m by default, up to 1h" };

    private static async Task<Snapshot> LoadAsync(string source, string? window, CancellationToken cancellationToken)
    {
        try
        {
            return Insight.Snapshot.Parse(await ReadAsync(source, window, cancellationToken));
        }
        catch (FormatException error)
        {
            throw new StartupError(ExitCode.Failure, $"{source}: {error.Message}");
        }
    }

    /// <summary>A file as it is; of a proxy, its data over the window.</summary>
    internal static async Task<byte[]> ReadAsync(string source, string? window, CancellationToken cancellationToken)
    {
        try
        {
            if (!Uri.TryCreate(source, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
            {
                return await File.ReadAllBytesAsync(source, cancellationToken);
            }

            var target = new UriBuilder(uri.AbsolutePath == "/" ? new Uri(uri, $"/insight.json{uri.Query}") : uri);
            if (window is not null)
            {
                target.Query = $"window={Uri.EscapeDataString(window)}";
            }

            // An admin port is asked directly, as AdminClient asks it: a proxy of the environment could not reach localhost.
            using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = Patience };
            using var answer = await client.GetAsync(target.Uri, cancellationToken);
            byte[] data = await answer.Content.ReadAsByteArrayAsync(cancellationToken);
            if (answer.StatusCode == HttpStatusCode.BadRequest)
            {
                throw new StartupError(ExitCode.Usage, $"{target.Uri}: answered 400: {FirstLine(data)}");
            }

            // An app has answers to everything, and with 200.
            return answer.IsSuccessStatusCode
                ? LooksLikeInsight(data) ? data : throw new StartupError(ExitCode.Failure, $"{target.Uri}: answered, but with no insight data; {AdminMend}")
                : throw new StartupError(ExitCode.Failure, $"{target.Uri}: answered {(int)answer.StatusCode}: {FirstLine(data)}; {AdminMend}");
        }
        catch (Exception error) when (error is HttpRequestException or IOException or UnauthorizedAccessException or TaskCanceledException)
        {
            throw new StartupError(ExitCode.Failure, $"{source}: cannot be read: {error.Message}");
        }
    }

    /// <summary>Whether it may be an /insight.json, of whatever version.</summary>
    private static bool LooksLikeInsight(byte[] data)
    {
        try
        {
            using var document = JsonDocument.Parse(data);
            return document.RootElement is { ValueKind: JsonValueKind.Object } root
                && root.TryGetProperty("version", out var version) && version.ValueKind == JsonValueKind.Number
                && root.TryGetProperty("routes", out var routes) && routes.ValueKind == JsonValueKind.Array;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static string FirstLine(byte[] text) => Encoding.UTF8.GetString(text, 0, Math.Min(text.Length, LongestReason)).Split('\n')[0].TrimEnd('\r', '.');

    internal static string Table(Comparison comparison)
    {
        var text = new StringBuilder();
        int width = Math.Max(10, comparison.Routes.Select(route => route.Route.Length).DefaultIfEmpty(0).Max());
        text.Append(CultureInfo.InvariantCulture, $"{"route".PadRight(width)} {"share",7} {"before ms",10} {"after ms",10} {"change ms",10}  95 % interval\n");
        foreach (var route in comparison.Routes)
        {
            Row(route.Route, route.Weight, route.Difference);
        }

        if (comparison.Routes.Count > 0)
        {
            Row("all", 1, comparison.Total);
        }

        foreach (string route in comparison.LeftOut)
        {
            text.Append(CultureInfo.InvariantCulture, $"{route.PadRight(width)} left out: fewer than 30 requests in one of the two\n");
        }

        text.Append(comparison.Change switch
        {
            Change.NoWorse => "No worse.\n",
            Change.Worse => "Worse.\n",
            _ => "Cannot tell: the interval holds both. Measure for longer, or with more traffic.\n",
        });
        return text.ToString();

        void Row(string name, double share, Difference difference) => text.Append(
            CultureInfo.InvariantCulture,
            $"{name.PadRight(width)} {share,7:P0} {difference.BeforeMs,10:0.00} {difference.AfterMs,10:0.00} {difference.Ms,10:+0.00;-0.00;0.00}  {difference.LowMs:+0.00;-0.00;0.00} … {difference.HighMs:+0.00;-0.00;0.00}\n");
    }

    internal static string Json(Comparison comparison)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("change", comparison.Change switch { Change.NoWorse => "no-worse", Change.Worse => "worse", _ => "cannot-tell" });
            WriteDifference(json, "total", comparison.Total);
            json.WriteStartArray("routes");
            foreach (var route in comparison.Routes)
            {
                json.WriteStartObject();
                json.WriteString("route", route.Route);
                json.WriteNumber("weight", route.Weight);
                json.WriteNumber("beforeCount", route.BeforeCount);
                json.WriteNumber("afterCount", route.AfterCount);
                WriteDifference(json, "difference", route.Difference);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteStartArray("leftOut");
            foreach (string route in comparison.LeftOut)
            {
                json.WriteStringValue(route);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray()) + "\n";
    }

    private static void WriteDifference(Utf8JsonWriter json, string name, Difference difference)
    {
        json.WriteStartObject(name);
        json.WriteNumber("beforeMs", difference.BeforeMs);
        json.WriteNumber("afterMs", difference.AfterMs);
        json.WriteNumber("changeMs", difference.Ms);
        json.WriteNumber("lowMs", difference.LowMs);
        json.WriteNumber("highMs", difference.HighMs);
        json.WriteEndObject();
    }
}
