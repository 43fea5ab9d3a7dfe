namespace TimingProxy.EndToEnd.Fixtures;

/// <summary>Debian's nginx as one process, so that it can be killed for good: as a backend that dies, or as the proxy to compare with.</summary>
public sealed class Nginx : IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private readonly string _executable = Peers.Tool("nginx", "nginx-light");

    private Nginx(int port, string http)
    {
        Port = port;
        File.WriteAllText(_folder.File("nginx.conf"), $$"""
            daemon off; master_process off; pid nginx.pid; error_log stderr crit;
            events { worker_connections 1024; }
            http {
              access_log off;
              client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
              {{http}}
            }
            """);
        Process = Run();
    }

    public int Port { get; }

    public ProcessRunner Process { get; private set; }

    /// <summary>Answers every request with 200 and this text.</summary>
    public static Task<Nginx> AnsweringAsync(string text, CancellationToken cancellationToken) => StartAsync(
        port => $$"""keepalive_requests 1000000; server { listen 127.0.0.1:{{port}}; location / { return 200 "{{text}}"; } }""", cancellationToken);

    /// <summary>A proxy that keeps connections to its upstream, with nginx's own defaults otherwise.</summary>
    public static Task<Nginx> InFrontOfAsync(int upstreamPort, CancellationToken cancellationToken) => StartAsync(
        port => $$"""
            upstream app { server 127.0.0.1:{{upstreamPort}}; keepalive 64; }
            keepalive_requests 1000000;
            server {
              listen 127.0.0.1:{{port}};
              location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; }
            }
            """, cancellationToken);

    /// <summary>Dies without a word, as from the kernel's own hand.</summary>
    public async Task KillAsync(CancellationToken cancellationToken)
    {
        Process.SendSigkill();
        await Process.WaitForExitAsync(cancellationToken);
        await Process.DisposeAsync();
    }

    public Task RestartAsync(CancellationToken cancellationToken)
    {
        Process = Run();
        return ReadyAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await Process.DisposeAsync();
        _folder.Dispose();
    }

    private static async Task<Nginx> StartAsync(Func<int, string> http, CancellationToken cancellationToken)
    {
        var port = FreePort.Next();
        var nginx = new Nginx(port, http(port));
        await nginx.ReadyAsync(cancellationToken);
        return nginx;
    }

    private ProcessRunner Run() => ProcessRunner.Start(_executable, ["-p", _folder.Path, "-c", _folder.File("nginx.conf"), "-e", "stderr"]);

    private Task ReadyAsync(CancellationToken cancellationToken) => Process.WaitUntilReadyAsync(
        async () =>
        {
            try
            {
                await using var client = await RawClient.ConnectAsync(Port, cancellationToken);
                return true;
            }
            catch (System.Net.Sockets.SocketException)
            {
                return false;
            }
        },
        cancellationToken);
}
