using System.CommandLine;
using TimingProxy.Hosting;

namespace TimingProxy.Commands;

/// <summary><c>timingproxy rules</c>: Prometheus rules for the user's own objective.</summary>
internal static class RulesCommand
{
    public static Command Create()
    {
        var ms = new Option<string>("--slo-ms") { Description = "Answers should take no longer than this, in milliseconds", HelpName = "N", Required = true };
        var target = new Option<string>("--slo-target")
        {
            Description = "Percentage of requests that should keep to it, and as many should not fail",
            HelpName = "P",
            Required = true,
        };
        var command = new Command("rules", "Print Prometheus recording and alerting rules for a service level objective") { ms, target };
        command.SetAction(async (parsed, _) =>
        {
            var objective = Objective.Parse(parsed.GetValue(ms)!, parsed.GetValue(target)!);
            await Console.Out.WriteAsync(ObjectiveRules.Of(objective));
            return ExitCode.Ok;
        });
        return command;
    }
}
