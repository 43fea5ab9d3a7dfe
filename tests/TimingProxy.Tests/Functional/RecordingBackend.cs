using System.Threading.Channels;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.Tests.Functional;

/// <summary>Answers every request with the same bytes, and keeps each one as it came.</summary>
internal sealed class RecordingBackend : IAsyncDisposable
{
    private const string Hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

    private readonly Channel<(MessageHead Head, string Body)> _requests = Channel.CreateUnbounded<(MessageHead, string)>();
    private readonly RawBackend _backend;

    public RecordingBackend(string answer = Hello) => _backend = new RawBackend(async wire =>
    {
        while (await wire.TryReadHeadAsync() is { } head)
        {
            string body = await wire.ReadBodyAsync(head);
            _requests.Writer.TryWrite((head, body));
            await wire.SendAsync(answer);
        }
    });

    public Uri Address => _backend.Address;

    /// <summary>Whole requests that came and were not waited for.</summary>
    public int Waiting => _requests.Reader.Count;

    public ValueTask<(MessageHead Head, string Body)> NextAsync() => _requests.Reader.ReadAsync(TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync() => _backend.DisposeAsync();
}
