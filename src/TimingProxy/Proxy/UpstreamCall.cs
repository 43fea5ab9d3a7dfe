using System.Net;
using Microsoft.Extensions.ObjectPool;
using TimingProxy.Timing;

namespace TimingProxy.Proxy;

/// <summary>
/// One request on its way through a cluster's client. Being the invoker that the forwarder calls, it stands at the two moments that upstream
/// time is defined by: after the last transform of the request, and before the first of the response.
/// </summary>
internal sealed class UpstreamCall : HttpMessageInvoker
{
    private readonly RequestTiming _timing;
    private readonly UpstreamClient _client;
    private readonly InFlightLedger _ledger;
    private readonly TimeSpan _limit;
    private readonly ObjectPool<UpstreamDeadline> _deadlines;
    private readonly UpstreamDeadline? _deadline;
    private bool _hasPlace;

    /// <param name="limit">Longest upstream time; zero is no limit.</param>
    public UpstreamCall(
        RequestTiming timing, UpstreamClient client, InFlightLedger ledger, TimeSpan limit, ObjectPool<UpstreamDeadline> deadlines)
        : base(NoHandler.Instance, disposeHandler: false)
    {
        _timing = timing;
        _client = client;
        _ledger = ledger;
        _limit = limit;
        _deadlines = deadlines;
        _deadline = limit > TimeSpan.Zero ? deadlines.Get() : null;
        client.CallStarted();
    }

    /// <summary>Is cancelled when the upstream has taken too long.</summary>
    public CancellationToken Deadline => _deadline?.Token ?? CancellationToken.None;

    /// <summary>
    /// Sends under the clock: (1) start it, (2) wait for a connection where their number is limited, (3) send, (4) stop the clock at the
    /// response headers or the failure. The token is cancelled with <see cref="Deadline"/>, which the forwarder was given.
    /// </summary>
    /// <exception cref="OperationCanceledException">The token was cancelled, or is about to be: the answer came too late.</exception>
    public override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        // (1)
        long started = _timing.Clock.Now;
        _timing.MarkStarted(started);
        _timing.InFlightOnArrival = _ledger.Arrive(started);
        if (request.Content is { } content && _timing.Context.Request.Body is TimedRequestBody body)
        {
            request.Content = new PromptContent(content, body);
        }

        HttpResponseMessage? response = null;
        try
        {
            // (2)
            if (_client.HasPlaces)
            {
                await TakePlaceAsync(cancellationToken);
            }

            // (3)
            _timing.MarkSent();
            _deadline?.Start(_timing, _limit);
            var answer = await UpstreamConnection.Taking(_client, request, _timing, cancellationToken);
            string? invalid = WhyInvalid(request, answer);
            if (invalid is null && answer.StatusCode == HttpStatusCode.ResetContent && await HasContentAsync(answer, cancellationToken))
            {
                // RFC 9110 section 15.3.6; the server would fail over it in the middle of the answer.
                invalid = "The upstream answered with status 205 and content, of which that has none.";
            }

            if (invalid is not null)
            {
                answer.Dispose();
                throw new HttpRequestException(HttpRequestError.InvalidResponse, invalid);
            }

            response = answer;
        }
        finally
        {
            // (4)
            if (_deadline?.Stop() == false)
            {
                // Came while the deadline passed: it would be torn when the cancellation comes, if it were let through.
                response?.Dispose();
                response = null;
            }

            long now = _timing.Clock.Now;
            _timing.MarkResponded(now, hasResponse: response is not null);
            if (response is not null)
            {
                // Who waits for a place stands in the workers' line, which has moved from the app to here.
                _ledger.Depart(now, _timing.UpstreamTicks + _timing.QueueTicks, _timing.InFlightOnArrival);
            }
            else
            {
                _ledger.Leave(now);
            }
        }

        return response ?? throw new OperationCanceledException("The upstream's answer came too late.");
    }

    private static string? WhyInvalid(HttpRequestMessage request, HttpResponseMessage response) => response.StatusCode switch
    {
        // RFC 9110 section 15.
        < HttpStatusCode.Continue => "The upstream answered with a status below 100.",
        HttpStatusCode.SwitchingProtocols when !request.Headers.NonValidated.Contains("Upgrade") => "The upstream switched protocols and was not asked to.",
        _ => IsCodedUnknown(response) ? "The upstream answered in a transfer coding that is not known here." : null,
    };

    /// <summary>Whether the body is in a coding between the hops, such as <c>gzip</c>, that is not undone and so would reach the client unnamed.</summary>
    private static bool IsCodedUnknown(HttpResponseMessage response) =>
        response.Headers.NonValidated.TryGetValues("Transfer-Encoding", out var codings)
        && !codings.ToString().Equals("chunked", StringComparison.OrdinalIgnoreCase)
        && !codings.ToString().Equals("identity", StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// Whether there is a body, by its length or else its first byte. A body that turns out to be empty stays so for who reads it again; an
    /// app's server chunks it where the app does not say its length, as gunicorn does.
    /// </summary>
    private static async ValueTask<bool> HasContentAsync(HttpResponseMessage response, CancellationToken cancellationToken) =>
        response.Content.Headers.ContentLength is { } length
            ? length > 0
            : await response.Content.ReadAsStream(cancellationToken).ReadAsync(new byte[1], cancellationToken) > 0;

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _client.CallEnded();
            if (_hasPlace)
            {
                _client.ReturnPlace();
            }

            if (_deadline is not null)
            {
                _deadlines.Return(_deadline);
            }
        }

        base.Dispose(disposing);
    }

    private async Task TakePlaceAsync(CancellationToken cancellationToken)
    {
        // A request that is sent again in another form (a WebSocket without HTTP/2) keeps its place.
        if (_hasPlace)
        {
            return;
        }

        if (!_client.TryTakePlace())
        {
            long begin = _timing.Clock.Now;
            try
            {
                await _client.TakePlaceAsync(cancellationToken);
            }
            finally
            {
                _timing.MarkQueued(_timing.Clock.Now - begin);
            }
        }

        _hasPlace = true;
    }

    /// <summary>The base class asks for a handler; this invoker sends through the cluster's client.</summary>
    private sealed class NoHandler : HttpMessageHandler
    {
        public static readonly NoHandler Instance = new();

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            throw new NotSupportedException();
    }
}
