using Grpc.Core;

namespace TimingProxy.Tests.Protocol;

internal sealed class EchoService : Echo.EchoBase
{
    public override Task<Line> Unary(Line request, ServerCallContext context) => Task.FromResult(request);

    public override async Task Server(Line request, IServerStreamWriter<Line> responseStream, ServerCallContext context)
    {
        for (int i = 0; i < 3; i++)
        {
            await responseStream.WriteAsync(new Line { Text = $"{request.Text}{i}" });
        }
    }

    public override async Task<Line> Client(IAsyncStreamReader<Line> requestStream, ServerCallContext context)
    {
        string all = "";
        while (await requestStream.MoveNext(context.CancellationToken))
        {
            all += requestStream.Current.Text;
        }

        return new Line { Text = all };
    }

    public override async Task Both(IAsyncStreamReader<Line> requestStream, IServerStreamWriter<Line> responseStream, ServerCallContext context)
    {
        while (await requestStream.MoveNext(context.CancellationToken))
        {
            await responseStream.WriteAsync(requestStream.Current);
        }
    }

    public override async Task<Line> Fail(Line request, ServerCallContext context)
    {
        // Headers first, so that the error can only be in the trailers.
        await context.WriteResponseHeadersAsync([]);
        throw new RpcException(new Status(StatusCode.FailedPrecondition, "not today: caf\u00e9"), new Metadata { { "reason", "closed" } });
    }
}
