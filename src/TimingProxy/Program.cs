using System.CommandLine;
using TimingProxy;
using TimingProxy.Commands;
using TimingProxy.Demo;
using TimingProxy.Hosting;
using TimingProxy.Metrics;
using TimingProxy.Settings;

// Before anything else: the runtime reads this once.
SocketTuning.Apply();
Descriptors.RaiseLimit();
Descriptors.FillStandardStreams();
if (!Descriptors.IsHandedOver(standardStream: 2))
{
    Console.SetError(TextWriter.Null);
}

var commandLine = new CommandLine(ServeAsync);
commandLine.Add(ProcessCommands.Health(SettingsAsync));
commandLine.Add(ProcessCommands.Drain(SettingsAsync, TimeProvider.System));
commandLine.Add(InsightCommands.Snapshot());
commandLine.Add(InsightCommands.Compare());
commandLine.Add(RulesCommand.Create());
return await commandLine.InvokeAsync(args);

Task<ProxySettings> SettingsAsync(ParseResult parsed, CancellationToken cancellationToken) =>
    SettingsBeside.ReadAsync(commandLine.OptionsOf(parsed), Console.Error, cancellationToken);

static async Task<int> ServeAsync(StartOptions options, bool checkOnly, CancellationToken cancellationToken)
{
    UncollectedStart.Begin();
    await using var demo = options.Demo ? await DemoBackend.StartAsync(TimeProvider.System, cancellationToken) : null;
    options = demo is null ? options : options.WithDemo(demo.Address, DemoBackend.Routes);
    var (loaded, error) = await LoadedConfiguration.TryLoadAsync(options, cancellationToken);
    loaded = loaded with { Warnings = [.. loaded.Warnings, .. new OpenTelemetryVariables(options.Environment).Warnings] };
    await using var app = await ProxyApplication.BuildAsync(options, loaded, error, TimeProvider.System);
    if (checkOnly)
    {
        foreach (string warning in loaded.Warnings)
        {
            await Console.Error.WriteLineAsync(warning);
        }

        await Console.Out.WriteLineAsync("OK");
        return ExitCode.Ok;
    }

    await Startup.RunAsync(
        app,
        () =>
        {
            UncollectedStart.End();
            var bound = app.Services.GetRequiredService<BoundAddresses>();
            string upstream = loaded.Settings.Upstream.Address ?? "the clusters of ReverseProxy";
            string banner = demo is null
                ? Banner.Of(StateMetrics.Version, bound.Traffic, bound.Admin, upstream, "/")
                : Banner.Of(StateMetrics.Version, bound.Traffic, bound.Admin, $"{upstream} (demo app)", "/articles/hello");
            // stdout is the access log's.
            return Console.Error.WriteAsync(banner);
        },
        cancellationToken);
    return ExitCode.Ok;
}
