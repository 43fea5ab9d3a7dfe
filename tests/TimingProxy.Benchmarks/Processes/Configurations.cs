namespace TimingProxy.Benchmarks.Processes;

/// <summary>The configuration of each peer.</summary>
internal static class Configurations
{
    public const string SmallBody = "012345678901234567890123456789012345678901234567890123456789";

    // What both of nginx's roles share: nothing is logged, connections live as long as the measurement.
    private const string NginxCommon = """
        access_log off; keepalive_requests 100000000; keepalive_timeout 300; client_max_body_size 0; sendfile on;
        """;

    // All must be named, or nginx wants to write where only root may.
    private static readonly string[] TemporaryKinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

    /// <summary>Small, 64 KB and 5 MB answers; below <c>/full</c> it reports a time of its own, and <c>/upload</c> reads a whole body before it answers.</summary>
    public static string Backend(Programs programs, PeerPorts at)
    {
        File.WriteAllBytes(programs.PathOf("64k"), new byte[64 * 1024]);
        File.WriteAllBytes(programs.PathOf("5m"), new byte[5 * 1024 * 1024]);
        return $$"""
            worker_processes 1; daemon off; pid {{programs.PathOf("backend.pid")}};
            events { worker_connections 8192; }
            http {
              {{NginxCommon}} {{Temporary(programs, "backend")}} {{Certificate(programs)}}
              server {
                listen 127.0.0.1:{{at.Plain}} backlog=4096; listen 127.0.0.1:{{at.Http2}} http2; {{Tls(at)}}
                location / { return 200 "{{SmallBody}}"; }
                location /full { add_header X-Runtime 0.001; return 200 "{{SmallBody}}"; }
                location = /64k { root {{programs.PathOf("")}}; }
                location = /5m { root {{programs.PathOf("")}}; }
                location = /upload { client_body_buffer_size 6m; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_pass http://127.0.0.1:{{at.Plain}}/; }
              }
            }
            """;
    }

    public static string Nginx(Programs programs, PeerPorts at, int upstream) => $$"""
        worker_processes auto; daemon off; pid {{programs.PathOf("nginx.pid")}};
        events { worker_connections 8192; }
        http {
          {{NginxCommon}} {{Temporary(programs, "nginx")}} {{Certificate(programs)}}
          log_format times '$request_uri $upstream_response_time';
          upstream backend { server 127.0.0.1:{{upstream}}; keepalive 2048; keepalive_requests 100000000; }
          server {
            listen 127.0.0.1:{{at.Plain}} backlog=4096; listen 127.0.0.1:{{at.Http2}} http2; {{Tls(at)}}
            proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
            proxy_buffering off; proxy_request_buffering off;
            add_header X-Render-MS $upstream_header_time always;
            location / { proxy_pass http://backend; }
            location /clock/ { access_log {{NginxLog(programs)}} times buffer=1m flush=1s; proxy_pass http://backend; }
          }
        }
        """;

    /// <summary>Where nginx writes what it has measured of requests below <c>/clock/</c>.</summary>
    public static string NginxLog(Programs programs) => programs.PathOf("nginx-times.log");

    public static string HAProxy(Programs programs, PeerPorts at, int upstream) => $"""
        global
          nbthread {Environment.ProcessorCount}
          maxconn 8192
        defaults
          mode http
          timeout connect 5s
          timeout client 300s
          timeout server 300s
          http-reuse always
        frontend traffic
          bind 127.0.0.1:{at.Plain} backlog 4096
          bind 127.0.0.1:{at.Http2} proto h2
          {(at.Tls == 0 ? "" : $"bind 127.0.0.1:{at.Tls} ssl crt {programs.CertificateAndKeyFile} alpn http/1.1")}
          http-response set-header X-Render-MS %Tr
          default_backend app
        backend app
          server app 127.0.0.1:{upstream}

        """;

    public static string Caddy(Programs programs, PeerPorts at, int upstream)
    {
        string proxy = $$"""
            bind 127.0.0.1
            reverse_proxy 127.0.0.1:{{upstream}} {
              header_down X-Render-MS {http.reverse_proxy.upstream.latency_ms}
              flush_interval -1
              transport http {
                keepalive_idle_conns_per_host 2048
              }
            }
            """;
        return $$"""
            {
              admin off
              auto_https off
              default_sni localhost
              log {
                level ERROR
              }
              servers {
                protocols h1 h2 h2c
              }
            }
            http://:{{at.Plain}}, http://:{{at.Http2}} {
            {{proxy}}
            }
            {{(at.Tls == 0 ? "" : $"https://:{at.Tls} {{\ntls {programs.CertificateFile} {programs.KeyFile}\n{proxy}\n}}")}}

            """;
    }

    public static string TimingProxy(Programs programs, PeerPorts at, int admin, int upstream) => $$"""
        {
          "TimingProxy": {
            "Upstream": { "Address": "http://127.0.0.1:{{upstream}}" },
            "Listen": "http://127.0.0.1:{{at.Plain}};http://127.0.0.1:{{at.Http2}}{{(at.Tls == 0 ? "" : $";https://127.0.0.1:{at.Tls}")}}",
            "Admin": { "Listen": "http://127.0.0.1:{{admin}}" }
          }{{(at.Tls == 0 ? "" : $$""", "Kestrel": { "Certificates": { "Default": { "Path": "{{programs.CertificateFile}}", "KeyPath": "{{programs.KeyFile}}" } } }""")}}
        }
        """;

    private static string Tls(PeerPorts at) => at.Tls == 0 ? "" : $"listen 127.0.0.1:{at.Tls} ssl;";

    private static string Certificate(Programs programs) => $"ssl_certificate {programs.CertificateFile}; ssl_certificate_key {programs.KeyFile};";

    private static string Temporary(Programs programs, string role) =>
        string.Join(' ', TemporaryKinds.Select(kind => $"{kind}_temp_path {programs.PathOf($"{role}-{kind}")};"));
}
