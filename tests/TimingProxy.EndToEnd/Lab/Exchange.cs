using System.Globalization;
using System.Text;
using TimingProxy.EndToEnd.Fixtures;

namespace TimingProxy.EndToEnd.Lab;

/// <summary>One request and what both sides say of it.</summary>
/// <param name="ProxyMs">The proxy's stamp: upstream time.</param>
/// <param name="AppMs">The app's own figure; null where it gives none.</param>
public sealed record Exchange(string Target, int Status, double ProxyMs, double? AppMs)
{
    /// <summary>The proxy stamps this header in the laboratory, so that the app's own X-Render-MS is not replaced.</summary>
    public const string Stamp = "X-Proxy-MS";

    /// <summary>The setting that makes it do so.</summary>
    public static (string Name, string Value) StampSetting => ("HEADERS__NAME", Stamp);

    /// <summary>Asks on a connection, and reads the whole answer.</summary>
    /// <exception cref="IOException">The connection did not last.</exception>
    public static async Task<(Exchange Exchange, bool Closes)> AskAsync(RawClient client, string target, CancellationToken cancellationToken)
    {
        await client.SendAsync(Encoding.ASCII.GetBytes(RawClient.Get(target)), cancellationToken);
        var answer = await client.ReceiveAsync(cancellationToken);
        var stamp = Assert.Single(answer.Head.Values(Stamp));
        return (new Exchange(target, answer.Status, Number(stamp), AppFigure(answer.Head)), answer.Head.Closes);
    }

    private static double? AppFigure(MessageHead head) =>
        head.Value("X-Render-MS") is { } renderMs ? Number(renderMs)
        : head.Value("X-Runtime") is { } seconds ? Number(seconds) * 1000
        : head.Value("X-Response-Time") is { } responseTime ? Number(responseTime.Replace("ms", "", StringComparison.Ordinal))
        : null;

    private static double Number(string text) => double.Parse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture);
}
