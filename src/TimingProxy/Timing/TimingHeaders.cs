using System.Globalization;
using Microsoft.AspNetCore.Http;
using TimingProxy.Settings;

namespace TimingProxy.Timing;

/// <summary>Writes the figures of a request into its headers and trailers, as the settings of the moment say.</summary>
internal sealed class TimingHeaders(LiveSettings settings)
{
    private const string ServerTiming = "Server-Timing";
    private const string RequestStart = "X-Request-Start";

    /// <summary>
    /// Stamps the response headers, and marks the moment. A second call (an answer that had to be made anew after a failure)
    /// replaces what the first one wrote.
    /// </summary>
    public void Stamp(RequestTiming timing)
    {
        var headerSettings = settings.Current.Headers;
        var headers = timing.Context.Response.Headers;
        bool isFirst = timing.Stamped == 0;
        timing.MarkStamped();

        if (!IsVisible(headerSettings, timing))
        {
            if (headerSettings.Existing == ExistingHeader.Overwrite)
            {
                headers.Remove(headerSettings.Name);
            }

            return;
        }

        var clock = timing.Clock;
        string upstream = Milliseconds.Format(clock.ToMilliseconds(timing.UpstreamTicks));
        if (headerSettings.Existing == ExistingHeader.Overwrite || !headers.ContainsKey(headerSettings.Name))
        {
            headers[headerSettings.Name] = upstream;
        }

        if (headerSettings.ServerTiming && isFirst)
        {
            string upload = Milliseconds.Format(clock.ToMilliseconds(timing.UploadTicks));
            string overhead = Milliseconds.Format(clock.ToMilliseconds(timing.OverheadTicks));
            headers.Append(ServerTiming, $"upstream;dur={upstream}, upload;dur={upload}, overhead;dur={overhead}");
        }
    }

    /// <summary>Appends what is known only after the body, where the client's protocol has trailers (HTTP/2).</summary>
    public void StampTrailers(RequestTiming timing)
    {
        var headerSettings = settings.Current.Headers;
        if (!headerSettings.ServerTiming || !IsVisible(headerSettings, timing) || !timing.Context.Response.SupportsTrailers())
        {
            return;
        }

        var clock = timing.Clock;
        string total = Milliseconds.Format(clock.ToMilliseconds(clock.Now - timing.Received));
        string body = Milliseconds.Format(clock.ToMilliseconds(timing.BodyTicks));
        timing.Context.Response.AppendTrailer(ServerTiming, $"total;dur={total}, body;dur={body}");
    }

    /// <summary>Tells the upstream when the request came in, for apps that show their own queue; a value that came in is kept.</summary>
    public void StampRequest(RequestTiming timing, HttpRequestMessage request)
    {
        if (!settings.Current.Headers.RequestStart || timing.Context.Request.Headers.ContainsKey(RequestStart))
        {
            return;
        }

        var clock = timing.Clock;
        var received = clock.TimeProvider.GetUtcNow() - clock.TimeProvider.GetElapsedTime(timing.Received);
        long microseconds = (received - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        request.Headers.TryAddWithoutValidation(RequestStart, string.Create(CultureInfo.InvariantCulture, $"t={microseconds}"));
    }

    private static bool IsVisible(HeaderSettings headerSettings, RequestTiming timing) =>
        headerSettings.VisibleTo.IsEmpty
        || PeerNetworks.Contains(headerSettings.VisibleTo, timing.Context.Connection.RemoteIpAddress);
}
