using TimingProxy.Health;

namespace TimingProxy.Admin;

/// <summary>What the admin port shows of other rooms.</summary>
internal sealed record AdminPages(RequestDelegate Metrics, RequestDelegate Config, RequestDelegate Insight, RequestDelegate InsightData);

/// <summary>
/// The whole admin surface:
/// <code>
/// GET  /              the insight page
/// GET  /insight.json  the same as data
/// GET  /metrics       Prometheus text or OpenMetrics
/// GET  /livez         200 while the process serves
/// GET  /readyz        200 while traffic should be sent here, else 503 with the reason
/// GET  /config        effective configuration, secrets redacted
/// POST /drain         from loopback with a loopback Host: fail readiness, keep serving
/// </code>
/// HEAD is answered where GET is. Anything else is 404, another method 405.
/// </summary>
internal sealed class AdminEndpoints
{
    private readonly Dictionary<string, (string Method, RequestDelegate Handle)> _table;

    public AdminEndpoints(AdminPages pages, Readiness readiness, Func<Task<string?>> whyNotReady)
    {
        _table = new(StringComparer.Ordinal)
        {
            ["/"] = (HttpMethods.Get, pages.Insight),
            ["/insight.json"] = (HttpMethods.Get, pages.InsightData),
            ["/metrics"] = (HttpMethods.Get, pages.Metrics),
            ["/livez"] = (HttpMethods.Get, context => TextAsync(context, StatusCodes.Status200OK, "ok")),
            ["/readyz"] = (HttpMethods.Get, async context =>
            {
                string? reason = readiness.Reason ?? await whyNotReady();
                await (reason is null
                    ? TextAsync(context, StatusCodes.Status200OK, "ready")
                    : TextAsync(context, StatusCodes.Status503ServiceUnavailable, $"not ready: {reason}"));
            }
            ),
            ["/config"] = (HttpMethods.Get, pages.Config),
            ["/drain"] = (HttpMethods.Post, context => DrainAsync(context, readiness)),
        };
    }

    public async Task HandleAsync(HttpContext context)
    {
        // Requests run on the thread that polls the sockets; a long scrape there would stop the traffic, and the clock with it.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);

        var headers = context.Response.Headers;
        headers.XContentTypeOptions = "nosniff";
        headers.CacheControl = "no-store";
        // Pages that need more than their own text set a policy of their own.
        headers.ContentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'";
        string method = context.Request.Method;
        if (!_table.TryGetValue(context.Request.Path.Value ?? "", out var endpoint))
        {
            await TextAsync(context, StatusCodes.Status404NotFound, "not found");
        }
        else if (method != endpoint.Method && !(endpoint.Method == HttpMethods.Get && method == HttpMethods.Head))
        {
            headers.Allow = endpoint.Method == HttpMethods.Get ? "GET, HEAD" : endpoint.Method;
            await TextAsync(context, StatusCodes.Status405MethodNotAllowed, "method not allowed");
        }
        else
        {
            await endpoint.Handle(context);
        }
    }

    private static Task DrainAsync(HttpContext context, Readiness readiness)
    {
        if (!LocalRequests.IsLocal(context))
        {
            return TextAsync(context, StatusCodes.Status403Forbidden, "drain is for this machine only: ask over loopback, with a loopback Host");
        }

        readiness.MarkDraining();
        return TextAsync(context, StatusCodes.Status200OK, "draining");
    }

    private static Task TextAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return HttpMethods.IsHead(context.Request.Method)
            ? Task.CompletedTask
            : context.Response.WriteAsync(text + "\n", context.RequestAborted);
    }
}
