using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using TimingProxy.Timing;
using Yarp.ReverseProxy.Forwarder;

namespace TimingProxy.Proxy;

/// <summary>
/// The proxy's own answers, in one form: status, <c>X-Render-MS</c>, and a short text with the reason code and nothing of the inside.
/// Notes the reason on the request, and writes one log line where the upstream is the cause.
/// </summary>
internal sealed partial class FailureAnswers(TimingHeaders headers, ILogger<FailureAnswers> logger)
{
    /// <summary>Finishes a request that has gone through everything; where nothing has failed, at once.</summary>
    /// <param name="error">What was thrown, and not caught on the way.</param>
    public Task EndAsync(RequestTiming timing, Exception? error)
    {
        var context = timing.Context;
        if (error is not null)
        {
            Note(timing, error);
        }

        if (context.Features[typeof(IForwarderErrorFeature)] is IForwarderErrorFeature failure)
        {
            timing.ErrorType ??= FailureCause.Of(failure, timing);
            if (timing.ErrorType == ErrorType.Timeout && !context.Response.HasStarted)
            {
                // Not so yet where a deadline of ours, or a route's own, cancelled the request.
                context.Response.StatusCode = StatusCodes.Status504GatewayTimeout;
            }

            Log(timing, failure.Exception);
        }

        return timing.ErrorType is { } type && type != ErrorType.ClientAbort && !context.Response.HasStarted
            ? AnswerAsync(timing, type)
            : Task.CompletedTask;
    }

    private void Note(RequestTiming timing, Exception error)
    {
        var context = timing.Context;
        switch (error)
        {
            case BadHttpRequestException bad when !context.Response.HasStarted:
                timing.ErrorType = ErrorType.BadRequest;
                context.Response.StatusCode = bad.StatusCode;
                break;
            case OperationCanceledException when context.RequestAborted.IsCancellationRequested:
                timing.ErrorType = ErrorType.ClientAbort;
                break;
            default:
                LogUnexpected(error, context.Request.Method, context.Request.Path);
                timing.ErrorType = ErrorType.Other;
                if (context.Response.HasStarted)
                {
                    context.Abort();
                }
                else
                {
                    context.Response.Clear();
                    context.Response.StatusCode = StatusCodes.Status502BadGateway;
                }

                break;
        }
    }

    private async Task AnswerAsync(RequestTiming timing, string type)
    {
        var response = timing.Context.Response;
        headers.Stamp(timing);
        if (response.StatusCode == StatusCodes.Status408RequestTimeout)
        {
            // Nothing more of the request is waited for (RFC 9110 section 15.5.9).
            response.Headers.Connection = "close";
        }

        if (response.StatusCode < 400 || HttpMethods.IsHead(timing.Context.Request.Method))
        {
            return;
        }

        string text = string.Create(
            CultureInfo.InvariantCulture,
            $"{response.StatusCode} {ReasonPhrases.GetReasonPhrase(response.StatusCode)}: {type}\n");
        response.ContentType = "text/plain; charset=utf-8";
        response.ContentLength = text.Length;
        await response.WriteAsync(text, timing.Context.RequestAborted);
    }

    private void Log(RequestTiming timing, Exception? error)
    {
        var request = timing.Context.Request;
        double milliseconds = timing.Clock.ToMilliseconds(timing.UpstreamTicks);
        string reason = Reason(error);
        switch (timing.ErrorType)
        {
            case null:
                break;
            case ErrorType.ClientAbort:
                LogClientAbort(request.Method, request.Path, timing.Cluster, milliseconds);
                break;
            case ErrorType.BadRequest:
                LogBadRequest(timing.Context.Response.StatusCode, request.Method, request.Path, timing.Cluster, milliseconds, reason);
                break;
            case ErrorType.NoDestination:
                LogNoDestination(timing.ErrorType, timing.Context.Response.StatusCode, request.Method, request.Path, timing.Cluster);
                break;
            default:
                LogFailure(timing.ErrorType, timing.Context.Response.StatusCode, request.Method, request.Path, timing.Cluster, milliseconds, reason);
                break;
        }
    }

    private static string Reason(Exception? error)
    {
        if (error is null)
        {
            return "no reason is known";
        }

        var innermost = error;
        while (innermost.InnerException is { } inner)
        {
            innermost = inner;
        }

        return ReferenceEquals(innermost, error) ? error.Message : $"{error.Message} ({innermost.Message})";
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Upstream failure {ErrorType}: {Status} to {Method} {Path} (cluster {Cluster}) after {Milliseconds:0.0} ms: {Reason}")]
    private partial void LogFailure(
        string errorType, int status, string method, PathString path, string cluster, double milliseconds, string reason);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Upstream failure {ErrorType}: {Status} to {Method} {Path} (cluster {Cluster}): it has no destination, or none that is healthy")]
    private partial void LogNoDestination(string errorType, int status, string method, PathString path, string cluster);

    // What clients cause, they cause as often as they like: at a level that is on by default it would let them fill the log. The metrics have it.
    [LoggerMessage(
        Level = LogLevel.Debug,
        Message = "Bad request: {Status} to {Method} {Path} (cluster {Cluster}) after {Milliseconds:0.0} ms: {Reason}")]
    private partial void LogBadRequest(int status, string method, PathString path, string cluster, double milliseconds, string reason);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Client went away: {Method} {Path} (cluster {Cluster}) after {Milliseconds:0.0} ms")]
    private partial void LogClientAbort(string method, PathString path, string cluster, double milliseconds);

    [LoggerMessage(Level = LogLevel.Error, Message = "Unexpected failure of {Method} {Path}")]
    private partial void LogUnexpected(Exception error, string method, PathString path);
}
