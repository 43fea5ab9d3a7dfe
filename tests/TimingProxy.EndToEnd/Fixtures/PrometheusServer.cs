using System.Text.Json;

namespace TimingProxy.EndToEnd.Fixtures;

/// <summary>Debian's Prometheus with our rules, scraping one proxy every half second and evaluating every second.</summary>
public sealed class PrometheusServer : IAsyncDisposable
{
    private readonly TempFolder _folder;
    private readonly ProcessRunner _process;
    private readonly HttpClient _client;

    private PrometheusServer(TempFolder folder, ProcessRunner process, int port)
    {
        _folder = folder;
        _process = process;
        _client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
    }

    public string Story => _process.Story;

    public static async Task<PrometheusServer> StartAsync(int adminPort, CancellationToken cancellationToken)
    {
        var executable = Peers.Tool("prometheus", "prometheus");
        var folder = new TempFolder();
        var port = FreePort.Next();
        await File.WriteAllTextAsync(folder.File("prometheus.yml"), $$"""
            global: { scrape_interval: 500ms, scrape_timeout: 400ms, evaluation_interval: 1s }
            rule_files: ["{{Path.Combine(Peers.Repository, "config", "prometheus", "*.rules.yml")}}"]
            scrape_configs:
              - job_name: demo
                static_configs: [{ targets: ["127.0.0.1:{{adminPort}}"] }]
            """, cancellationToken);
        var process = ProcessRunner.Start(
            executable,
            [$"--config.file={folder.File("prometheus.yml")}", $"--storage.tsdb.path={folder.File("data")}", $"--web.listen-address=127.0.0.1:{port}"]);
        var server = new PrometheusServer(folder, process, port);
        try
        {
            await process.WaitUntilReadyAsync(() => server.IsUpAsync(cancellationToken), cancellationToken);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>How many series an instant query gives; what Prometheus says instead where it cannot be evaluated.</summary>
    public async Task<(int Series, string? Error)> QueryAsync(string expression, CancellationToken cancellationToken)
    {
        using var form = new FormUrlEncodedContent([new KeyValuePair<string, string>("query", expression)]);
        using var response = await _client.PostAsync("/api/v1/query", form, cancellationToken);
        using var answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync(cancellationToken));
        if (answer.RootElement.TryGetProperty("error", out var error))
        {
            return (0, error.GetString());
        }

        var data = answer.RootElement.GetProperty("data");
        return (data.GetProperty("resultType").GetString() == "scalar" ? 1 : data.GetProperty("result").GetArrayLength(), null);
    }

    /// <summary>Every rule that is loaded.</summary>
    public async Task<IReadOnlyList<PrometheusRule>> RulesAsync(CancellationToken cancellationToken)
    {
        using var answer = JsonDocument.Parse(await _client.GetStringAsync("/api/v1/rules", cancellationToken));
        return
        [
            .. from file in answer.RootElement.GetProperty("data").GetProperty("groups").EnumerateArray()
               from rule in file.GetProperty("rules").EnumerateArray()
               select new PrometheusRule(
                   rule.GetProperty("name").GetString()!,
                   rule.GetProperty("query").GetString()!,
                   rule.GetProperty("type").GetString() == "alerting",
                   rule.GetProperty("health").GetString()!,
                   rule.TryGetProperty("lastError", out var error) ? error.GetString()! : ""),
        ];
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _process.DisposeAsync();
        _folder.Dispose();
    }

    private async Task<bool> IsUpAsync(CancellationToken cancellationToken)
    {
        try
        {
            return (await QueryAsync("up == 1", cancellationToken)).Series == 1;
        }
        catch (Exception error) when (error is HttpRequestException or JsonException)
        {
            // Not listening, or answering in words that it is not ready.
            return false;
        }
    }
}

/// <param name="Health"><c>ok</c>, <c>unknown</c> before its first evaluation, or <c>err</c>.</param>
public sealed record PrometheusRule(string Name, string Expression, bool IsAlert, string Health, string Error);
