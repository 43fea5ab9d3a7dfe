using System.Net;

namespace TimingProxy.Metrics;

/// <summary>
/// Says it when metrics no longer reach the collector, and when they do again: once each, not for every attempt. The exporter itself keeps its
/// failures to an event source, which nobody listens to here.
/// </summary>
internal sealed partial class ExportWatch(ILogger<ExportWatch> logger)
{
    private const string GrpcStatus = "grpc-status";
    private const string GrpcMessage = "grpc-message";

    private int _isFailing;

    /// <summary>A client that sends through another one, whose certificates and limits stay in force.</summary>
    public HttpClient Around(HttpClient inner) => new(new Watched(inner, this)) { Timeout = Timeout.InfiniteTimeSpan };

    private void Note(Uri? endpoint, string? failure)
    {
        bool isFailing = failure is not null;
        if (Interlocked.Exchange(ref _isFailing, isFailing ? 1 : 0) == (isFailing ? 1 : 0))
        {
            return;
        }

        // Without a password that may stand in it.
        string address = endpoint?.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped) ?? "";
        if (failure is not null)
        {
            LogFailing(address, failure);
        }
        else
        {
            LogExported(address);
        }
    }

    /// <summary>What is wrong with an answer that was read to its end, or null.</summary>
    private static string? FailureOf(HttpResponseMessage response)
    {
        if (!response.IsSuccessStatusCode)
        {
            return $"it answered {(int)response.StatusCode}";
        }

        // With gRPC the verdict comes last, or alone.
        string? status = Value(response, GrpcStatus);
        return status is null or "0" ? null : $"it answered gRPC status {status} {WebUtility.UrlDecode(Value(response, GrpcMessage))}".TrimEnd();
    }

    private static string? Value(HttpResponseMessage response, string name) =>
        response.TrailingHeaders.TryGetValues(name, out var values) || response.Headers.TryGetValues(name, out values) ? values.FirstOrDefault() : null;

    private static string FailureOf(Exception error) => error.InnerException is { } inner ? FailureOf(inner) : error.Message;

    [LoggerMessage(Level = LogLevel.Warning, Message = "Metrics do not reach {Endpoint}: {Failure}. It is tried again at each export; this is said once")]
    private partial void LogFailing(string endpoint, string failure);

    [LoggerMessage(Level = LogLevel.Information, Message = "Metrics reach {Endpoint} again")]
    private partial void LogExported(string endpoint);

    private sealed class Watched(HttpClient inner, ExportWatch watch) : HttpMessageHandler
    {
        // How the exporter sends over HTTP/1.1, on a thread of its own.
        protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            using var copy = Copy(request);
            try
            {
                return Answered(request, inner.Send(copy, HttpCompletionOption.ResponseContentRead, cancellationToken));
            }
            catch (Exception error) when (error is HttpRequestException or OperationCanceledException)
            {
                watch.Note(request.RequestUri, FailureOf(error));
                throw;
            }
        }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            using var copy = Copy(request);
            try
            {
                return Answered(request, await inner.SendAsync(copy, HttpCompletionOption.ResponseContentRead, cancellationToken));
            }
            catch (Exception error) when (error is HttpRequestException or OperationCanceledException)
            {
                watch.Note(request.RequestUri, FailureOf(error));
                throw;
            }
        }

        private HttpResponseMessage Answered(HttpRequestMessage request, HttpResponseMessage response)
        {
            watch.Note(request.RequestUri, FailureOf(response));
            return response;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                inner.Dispose();
            }

            base.Dispose(disposing);
        }

        // A client sends a message only once, and this one is being sent already.
        private static HttpRequestMessage Copy(HttpRequestMessage request)
        {
            var copy = new HttpRequestMessage(request.Method, request.RequestUri)
            {
                Content = request.Content,
                Version = request.Version,
                VersionPolicy = request.VersionPolicy,
            };
            foreach (var (name, values) in request.Headers)
            {
                copy.Headers.TryAddWithoutValidation(name, values);
            }

            return copy;
        }
    }
}
