using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Yarp.ReverseProxy.Configuration;

// bareyarp PLAIN-PORT HTTP2-PORT TLS-PORT|0 UPSTREAM-PORT CERTIFICATE KEY
// YARP as it comes, with the knobs of TimingProxy and without its work: what the timing costs is the difference. Answers any line on its
// standard input with the bytes it has allocated so far.
Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");
Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT", "1");

int Port(int argument) => int.Parse(args[argument], System.Globalization.CultureInfo.InvariantCulture);
var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().UseSockets(sockets => sockets.UnsafePreferInlineScheduling = true);
builder.WebHost.ConfigureKestrel(kestrel =>
{
    kestrel.AddServerHeader = false;
    kestrel.Listen(IPAddress.Loopback, Port(0));
    kestrel.Listen(IPAddress.Loopback, Port(1), listen => listen.Protocols = HttpProtocols.Http2);
    if (Port(2) != 0)
    {
        kestrel.Listen(IPAddress.Loopback, Port(2), listen => listen.UseHttps(X509Certificate2.CreateFromPemFile(args[4], args[5])));
    }

    kestrel.Limits.MaxRequestBodySize = null;
});
builder.Services.AddRouting();
builder.Services.AddReverseProxy()
    .LoadFromMemory(
        [new RouteConfig { RouteId = "default", ClusterId = "upstream", Match = new RouteMatch { Path = "{**all}" } }],
        [new ClusterConfig
        {
            ClusterId = "upstream",
            Destinations = new Dictionary<string, DestinationConfig> { ["upstream"] = new() { Address = $"http://127.0.0.1:{Port(3)}" } },
        }])
    .ConfigureHttpClient(static (_, handler) => handler.ActivityHeadersPropagator = null);

var app = builder.Build();
app.MapReverseProxy(static _ => { });
_ = Task.Run(async () =>
{
    while (await Console.In.ReadLineAsync() is not null)
    {
        await Console.Out.WriteLineAsync(GC.GetTotalAllocatedBytes().ToString(System.Globalization.CultureInfo.InvariantCulture));
    }
});
await app.RunAsync();
