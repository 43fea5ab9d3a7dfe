using System.Net;
using TimingProxy.Settings;

namespace TimingProxy.Commands;

/// <summary>One question to the own admin port, with its answer or what went wrong printed as one line.</summary>
internal static class AdminCall
{
    /// <summary>Longest time for the whole call.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    /// <returns>Whether the answer was 200.</returns>
    public static async Task<bool> SucceedsAsync(
        HttpMethod method, string path, ProxySettings settings, TimeProvider time, TextWriter output, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(Limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        string listen = string.Join(";", settings.Admin.Listen);
        try
        {
            using var client = AdminClient.Create(settings);
            var (status, text) = await client.SendAsync(method, path, either.Token);
            await output.WriteLineAsync(text.AsMemory(), CancellationToken.None);
            return status == HttpStatusCode.OK;
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested)
        {
            await output.WriteLineAsync($"no answer from the admin port (Admin:Listen = \"{listen}\") within {Limit.TotalSeconds:0} s");
        }
        catch (Exception error) when (error is HttpRequestException or InvalidOperationException)
        {
            string reason = error.InnerException?.Message ?? error.Message;
            await output.WriteLineAsync($"cannot ask the admin port (Admin:Listen = \"{listen}\"): {reason}");
        }

        return false;
    }
}
