using Microsoft.Extensions.Logging.Console;

namespace TimingProxy.Hosting;

/// <summary>What the process says of itself: one line an event on stderr, in UTC, and nothing of what others say better.</summary>
internal static class ConsoleLog
{
    /// <param name="configuration">Its section <c>Logging</c> has the last word.</param>
    public static void AddConsoleLog(this ILoggingBuilder logging, IConfiguration configuration)
    {
        // To stderr: stdout is the access log's.
        logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            console.UseUtcTimestamp = true;
        });
        logging.Services.Configure<ConsoleLoggerOptions>(console =>
        {
            console.LogToStandardErrorThreshold = LogLevel.Trace;
            // Whoever reads may stop reading: what cannot be said must not hold up requests.
            console.QueueFullMode = ConsoleLoggerQueueFullMode.DropWrite;
        });
        // What fails is said once, by FailureAnswers.
        logging.AddFilter("Microsoft", LogLevel.Warning);
        logging.AddFilter("System", LogLevel.Warning);
        // YARP brings keys for its session affinity. Without a home folder, as in a container, they are new at each start, and that is all it says.
        logging.AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Error);
        logging.AddFilter("Yarp", LogLevel.Warning);
        logging.AddFilter("Yarp.ReverseProxy.Forwarder", LogLevel.None);
        logging.AddFilter("Yarp.ReverseProxy.LoadBalancing", LogLevel.None);
        // With its log enabled, and be it for what it never says, every request would be given an activity.
        logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);
        // A start that failed is told by Startup, in one message.
        logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical);
        // A level that is none would fail whatever logs first. It is told with all else that is wrong, and nothing starts.
        if (!LogLevels.Errors(configuration).Any())
        {
            logging.AddConfiguration(configuration.GetSection("Logging"));
        }
    }
}
