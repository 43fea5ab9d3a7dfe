using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd;

/// <summary>What a release must do: start, proxy, stamp, be scraped, end, and explain itself.</summary>
public sealed class SmokeTests
{
    [Fact]
    public async Task Binary_InFrontOfBackend_ProxiesStampsAndIsScraped()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var backend = new RawBackend(RawBackend.Answering("hello"));
        // By environment alone.
        await using var proxy = await ProxyProcess.StartAsync([], cancellationToken, ("UPSTREAM", $"http://127.0.0.1:{backend.Port}"));

        var answer = await proxy.GetAsync("/", cancellationToken);

        Assert.Equal("HTTP/1.1 200 OK", answer.Head.StartLine);
        Assert.Equal("hello", answer.Text);
        Assert.True(answer.RenderMs >= 0);
        var scrape = await proxy.ScrapeUntilAsync(
            s => s.Sum("timingproxy_upstream_duration_seconds_count", ("route", "default"), ("cluster", "upstream"), ("http_request_method", "GET"), ("http_response_status_code", "200")) == 1,
            "the request", cancellationToken);
        foreach (var name in new[]
        {
            "timingproxy_request_duration_seconds_count", "timingproxy_upstream_body_duration_seconds_count", "timingproxy_overhead_duration_seconds_count",
            "timingproxy_upstream_connect_duration_seconds_count", "timingproxy_active_requests", "timingproxy_build_info",
            "timingproxy_config_last_reload_successful", "timingproxy_config_last_reload_success_timestamp_seconds",
            "process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_max_fds", "process_start_time_seconds",
        })
        {
            Assert.True(scrape.Has(name), $"{name} is missing from\n{scrape.Text}");
        }

        Assert.Equal(0, scrape.Sum("timingproxy_active_requests"));
        Assert.Equal(0, await proxy.StopAsync(cancellationToken));
    }

    /// <summary>
    /// A start stays within what it may allocate before the collector runs, which needs the container's types to be compiled
    /// (PrebuiltTypes.rd.xml); and the collector was told to wait: it counts the look around with which it begins that.
    /// </summary>
    [Fact]
    public async Task Start_OfTheNativeBinary_IsOverBeforeAnythingMustBeCollected()
    {
        ProxyProcess.RequireNative();
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var proxy = await ProxyProcess.StartAsync(["--upstream", "http://127.0.0.1:1"], cancellationToken);

        var scrape = await proxy.ScrapeUntilAsync(s => s.Has("dotnet_gc_heap_total_allocated_bytes_total"), "the first figures", cancellationToken);

        Assert.InRange(scrape.Sum("dotnet_gc_heap_total_allocated_bytes_total"), 1, 8 * 1024 * 1024);
        Assert.Equal(1, scrape.Sum("dotnet_gc_collections_total", ("gc_heap_generation", "gen2")));
    }

    [Theory]
    [InlineData(0, "0.", "--version")]
    [InlineData(0, "--upstream", "--help")]
    [InlineData(64, "--upstream")]
    [InlineData(64, "--upsteam", "--upsteam", "http://127.0.0.1:1")]
    [InlineData(64, "nonsense", "--upstream", "nonsense")]
    [InlineData(78, "/nowhere/proxy.json", "--config", "/nowhere/proxy.json")]
    [InlineData(0, "OK", "--check-config", "--upstream", "http://127.0.0.1:1")]
    public async Task Command_GivenArguments_ExitsAndSaysWhy(int exitCode, string says, params string[] arguments)
    {
        var (code, output, errors) = await ProxyProcess.RunAsync(arguments, TestContext.Current.CancellationToken);

        Assert.True(code == exitCode, $"Exit code {code} and not {exitCode}:\n{output}\n{errors}");
        Assert.Contains(says, output + errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output + errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_OnAddressInUse_ExitsWith69NamingIt()
    {
        await using var taken = new RawBackend(RawBackend.Answering(""));

        var (code, output, errors) = await ProxyProcess.RunAsync(
            ["--upstream", "http://127.0.0.1:1", "--listen", $"http://127.0.0.1:{taken.Port}", "--admin", "http://127.0.0.1:0"],
            TestContext.Current.CancellationToken);

        Assert.True(code == 69, $"Exit code {code}:\n{output}\n{errors}");
        Assert.Contains($"{taken.Port}", output + errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output + errors, StringComparison.Ordinal);
    }
}
