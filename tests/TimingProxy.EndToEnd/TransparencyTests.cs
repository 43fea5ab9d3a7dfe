using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>An unchanged Django app behind the proxy: the same client sees the same answers, and a stamp.</summary>
[Collection(DjangoTests.Name)]
public sealed class TransparencyTests(DjangoServers servers)
{
    public static TheoryData<string, string> ServersAndScripts =>
        new([.. DjangoScript.Names.Select(script => ("gunicorn", script)), .. DjangoScript.Names.Select(script => ("uvicorn", script))]);

    [Theory]
    [MemberData(nameof(ServersAndScripts))]
    public async Task Script_ThroughProxy_SeesWhatItSeesDirectly(string server, string script)
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var (app, proxy) = await servers.GetAsync(server, cancellationToken);
        var direct = new DjangoScript(app.Port);
        var proxied = new DjangoScript(proxy.Port);

        await direct.RunAsync(script, cancellationToken);
        await proxied.RunAsync(script, cancellationToken);

        Assert.Equal(direct.Transcript, proxied.Transcript);
        Assert.All(direct.Stamps, stamps => Assert.Empty(stamps));
        Assert.All(proxied.Stamps, stamps => Assert.Matches(@"^\d+\.\d$", Assert.Single(stamps)));
    }

    /// <summary>The five pieces of the stream come as they are made, 20 ms apart, and not all at the end.</summary>
    [Theory]
    [InlineData("gunicorn", "/stream")]
    [InlineData("uvicorn", "/stream")]
    public async Task Stream_ThroughProxy_IsStampedBeforeItsLastPiece(string server, string target)
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var (_, proxy) = await servers.GetAsync(server, cancellationToken);
        var started = TimeProvider.System.GetTimestamp();

        var answer = await proxy.GetAsync(target, cancellationToken);

        var total = TimeProvider.System.GetElapsedTime(started).TotalMilliseconds;
        Assert.True(total >= 80, $"The whole stream took {total} ms, which is less than the app waits.");
        Assert.True(answer.RenderMs < total - 60, $"The stamp of {answer.RenderMs} ms holds the body of an answer that took {total} ms.");
    }
}
