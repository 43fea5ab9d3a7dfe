using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using TimingProxy.Settings;

namespace TimingProxy.Insight;

/// <summary>The insight page, and its data.</summary>
internal sealed class InsightPages(InsightRecorder recorder, InsightState state, TimeProvider time)
{
    private static readonly TimeSpan DefaultWindow = TimeSpan.FromMinutes(10);

    // Made when it is first asked for: hashing loads the cryptographic library, megabytes that a proxy without TLS has no other use for.
    private readonly Lazy<(byte[] Html, string Policy)> _page = new(ReadPage);

    public Task PageAsync(HttpContext context)
    {
        var (html, policy) = _page.Value;
        context.Response.ContentType = "text/html; charset=utf-8";
        context.Response.ContentLength = html.Length;
        context.Response.Headers.ContentSecurityPolicy = policy;
        return HttpMethods.IsHead(context.Request.Method)
            ? Task.CompletedTask
            : context.Response.BodyWriter.WriteAsync(html, context.RequestAborted).AsTask();
    }

    /// <summary><c>/insight.json?window=10m</c>; <c>histograms=false</c> leaves out those of the routes.</summary>
    public async Task DataAsync(HttpContext context)
    {
        var window = DefaultWindow;
        if (context.Request.Query["window"].ToString() is { Length: > 0 } text)
        {
            try
            {
                window = Duration.Parse(text);
            }
            catch (FormatException error)
            {
                context.Response.StatusCode = StatusCodes.Status400BadRequest;
                context.Response.ContentType = "text/plain; charset=utf-8";
                await context.Response.WriteAsync($"window = \"{text}\": {error.Message}\n", context.RequestAborted);
                return;
            }
        }

        context.Response.ContentType = "application/json; charset=utf-8";
        if (HttpMethods.IsHead(context.Request.Method))
        {
            return;
        }

        var now = time.GetUtcNow();
        var report = InsightReport.Of(recorder, now - window, now);
        var json = new Utf8JsonWriter(context.Response.BodyWriter);
        await using (json.ConfigureAwait(false))
        {
            InsightJson.Write(json, report, state, withHistograms: context.Request.Query["histograms"] != "false");
            await json.FlushAsync(context.RequestAborted);
        }
    }

    private static (byte[] Html, string Policy) ReadPage()
    {
        // One answer is all that a browser waits for before it can paint.
        string style = Read("insight.css");
        string script = Read("charts.js") + Read("tip.js") + Read("insight.js");
        string html = Read("insight.html")
            .Replace("<style></style>", $"<style>{style}</style>", StringComparison.Ordinal)
            .Replace("<script></script>", $"<script>{script}</script>", StringComparison.Ordinal);
        // Only these very lines may run, and they may ask nobody but us.
        string policy = $"default-src 'none'; connect-src 'self'; script-src '{HashOf(script)}'; style-src '{HashOf(style)}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        return (Encoding.UTF8.GetBytes(html), policy);
    }

    private static string Read(string resource)
    {
        using var stream = typeof(InsightPages).Assembly.GetManifestResourceStream(resource)!;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }

    private static string HashOf(string text) => "sha256-" + Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
