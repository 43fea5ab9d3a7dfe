using System.Net;
using System.Text;
using Microsoft.Extensions.Logging.Testing;
using TimingProxy.Metrics;

namespace TimingProxy.Tests.Metrics;

public sealed class ExportWatchTests : IDisposable
{
    private static readonly Uri Endpoint = new("http://collector:4318/v1/metrics");

    private readonly FakeLogger<ExportWatch> _log = new();
    private readonly Collector _collector = new();
    private readonly HttpClient _client;

    public ExportWatchTests() => _client = new ExportWatch(_log).Around(new HttpClient(_collector));

    private IEnumerable<string> Said => _log.Collector.GetSnapshot().Select(record => $"{record.Level}: {record.Message}");

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Send_FailsAndSucceedsAgain_IsSaidOnceEach(bool isSync)
    {
        foreach (bool isThere in new[] { true, false, false, true, true, false })
        {
            _collector.Answer = isThere ? static () => new HttpResponseMessage() : static () => throw new HttpRequestException("cannot", new IOException("refused"));
            var error = await Record.ExceptionAsync(() => SendAsync(isSync));
            Assert.Equal(isThere, error is null);
        }

        const string failing = "Warning: Metrics do not reach http://collector:4318/v1/metrics: refused. It is tried again at each export; this is said once";
        Assert.Equal([failing, "Information: Metrics reach http://collector:4318/v1/metrics again", failing], Said);
    }

    [Fact]
    public async Task Send_AnswerOfAnError_IsSaidAndGivenBack()
    {
        _collector.Answer = static () => new HttpResponseMessage(HttpStatusCode.Unauthorized) { Content = new StringContent("who?") };

        using var response = await SendAsync(isSync: false);

        Assert.Equal("who?", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Contains("it answered 401.", Assert.Single(Said), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0", null)]
    [InlineData("7", "it answered gRPC status 7 not allowed.")]
    public async Task Send_VerdictOfGrpcInTrailers_IsLookedAt(string status, string? expected)
    {
        _collector.Answer = () =>
        {
            var response = new HttpResponseMessage();
            response.TrailingHeaders.Add("grpc-status", status);
            response.TrailingHeaders.Add("grpc-message", "not%20allowed");
            return response;
        };

        using var response = await SendAsync(isSync: false);

        Assert.Equal(expected is null ? [] : [expected], Said.Select(line => line.Contains(expected ?? "", StringComparison.Ordinal) ? expected : line));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Send_Request_GoesOnAsItIs(bool isSync)
    {
        using var response = await SendAsync(isSync);

        Assert.Equal(("POST", Endpoint, HttpVersion.Version20, HttpVersionPolicy.RequestVersionExact, "s3cr3t", "figures", "text/plain; charset=utf-8"), _collector.Received);
    }

    public void Dispose() => _client.Dispose();

    private async Task<HttpResponseMessage> SendAsync(bool isSync)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Endpoint)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new StringContent("figures", Encoding.UTF8),
            Headers = { { "api-key", "s3cr3t" } },
        };
        return isSync
            ? _client.Send(request, TestContext.Current.CancellationToken)
            : await _client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    private sealed class Collector : HttpMessageHandler
    {
        public Func<HttpResponseMessage> Answer { get; set; } = static () => new HttpResponseMessage();

        public (string Method, Uri? Address, Version Version, HttpVersionPolicy Policy, string Key, string Body, string? Type) Received { get; private set; }

        protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            using var body = new StreamReader(request.Content!.ReadAsStream(cancellationToken));
            return Receive(request, body.ReadToEnd());
        }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Receive(request, await request.Content!.ReadAsStringAsync(cancellationToken));

        private HttpResponseMessage Receive(HttpRequestMessage request, string body)
        {
            Received = (
                request.Method.Method, request.RequestUri, request.Version, request.VersionPolicy, request.Headers.GetValues("api-key").Single(), body,
                request.Content!.Headers.ContentType?.ToString());
            return Answer();
        }
    }
}
