using System.Net;
using TimingProxy.Timing;

namespace TimingProxy.Proxy;

/// <summary>
/// The client's body on its way to the upstream, without the handler's buffer in between: left to itself it would keep the request's
/// head and small pieces of the body back until it is full or the body is over.
/// </summary>
internal sealed class PromptContent : HttpContent
{
    private readonly HttpContent _inner;
    private readonly TimedRequestBody _body;

    public PromptContent(HttpContent inner, TimedRequestBody body)
    {
        _inner = inner;
        _body = body;
        foreach (var (name, values) in inner.Headers.NonValidated)
        {
            Headers.TryAddWithoutValidation(name, values);
        }
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        _body.Upstream = stream;
        return _inner.CopyToAsync(stream, context, cancellationToken);
    }

    // A length that the client gave is in the headers.
    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _inner.Dispose();
        }

        base.Dispose(disposing);
    }
}
