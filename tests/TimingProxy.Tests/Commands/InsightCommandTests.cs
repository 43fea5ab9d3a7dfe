using System.Net;
using System.Text;
using Microsoft.AspNetCore.Http;
using TimingProxy.Commands;
using TimingProxy.Tests.Admin;
using TimingProxy.Tests.Functional;

namespace TimingProxy.Tests.Commands;

/// <summary>Alone, for the proxy of the environment is one for the whole process.</summary>
[Collection(nameof(RunsAlone))]
public sealed class InsightCommandTests
{
    private const string Data = """{ "version": 1, "routes": [] }""";

    [Fact]
    public async Task Read_WithAProxyInTheEnvironment_AsksTheAdminPortItself()
    {
        await using var host = await AdminHost.StartAsync(
            pages: AdminHost.Pages() with { InsightData = context => context.Response.WriteAsync(Data) });
        string address = host.Admin.BaseAddress!.ToString();
        var before = HttpClient.DefaultProxy;
        HttpClient.DefaultProxy = new WebProxy("http://127.0.0.1:1");
        try
        {
            Assert.Equal(Data, Encoding.UTF8.GetString(await InsightCommands.ReadAsync(address, window: null, TestContext.Current.CancellationToken)));
        }
        finally
        {
            HttpClient.DefaultProxy = before;
        }
    }
}
