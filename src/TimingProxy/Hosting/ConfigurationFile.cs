using System.IO.Hashing;
using System.Text.Json;
using Microsoft.Extensions.Configuration;

namespace TimingProxy.Hosting;

/// <summary>The bytes of a configuration file at one moment: what is hashed is what is parsed.</summary>
/// <param name="Path">As the user named it; links are followed at each read, so that a swapped ConfigMap is seen.</param>
internal sealed record ConfigurationFile(string Path, byte[] Content)
{
    // Tells one content from the next, and defends against nobody; a cryptographic hash would load a library of megabytes.
    public string Hash { get; } = Convert.ToHexString(XxHash128.Hash(Content));

    /// <exception cref="StartupError">The file cannot be read.</exception>
    public static async ValueTask<ConfigurationFile> ReadAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            return new ConfigurationFile(path, await File.ReadAllBytesAsync(path, cancellationToken));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new StartupError(ExitCode.Configuration, $"{path}: the configuration file cannot be read: {error.Message}");
        }
    }

    /// <summary>The file that is used where none is named: appsettings.json here, else beside the executable, else none.</summary>
    public static string? FindDefault()
    {
        const string Name = "appsettings.json";
        string[] places = [System.IO.Path.GetFullPath(Name), System.IO.Path.Combine(AppContext.BaseDirectory, Name)];
        return places.FirstOrDefault(File.Exists);
    }

    /// <exception cref="StartupError">The content is no JSON object; the message has the line.</exception>
    public void AddTo(IConfigurationBuilder builder)
    {
        try
        {
            // A file that is just being written is empty for a moment; the JSON reader would take that for "no settings".
            if (Content.AsSpan().Trim("\t\n\r "u8).IsEmpty)
            {
                throw new FormatException("the file is empty");
            }

            // Read apart first, to tell its errors from all others; chained in as a whole it would lose its empty values.
            new ConfigurationBuilder().AddJsonStream(new MemoryStream(Content)).Build();
            builder.AddJsonStream(new MemoryStream(Content));
        }
        catch (JsonException error)
        {
            throw new StartupError(ExitCode.Configuration, $"{Path}: the configuration file is broken: {Describe(error)}");
        }
        catch (Exception error) when (error is FormatException or InvalidDataException)
        {
            string reason = (error.InnerException ?? error).Message;
            throw new StartupError(ExitCode.Configuration, $"{Path}: the configuration file is broken: {reason}");
        }
    }

    /// <summary>With lines and columns counted as editors count them; the reader's own message has them at its end, from 0.</summary>
    private static string Describe(JsonException error)
    {
        string reason = error.Message.Split(" LineNumber:")[0];
        return error.LineNumber is { } line ? $"line {line + 1}, column {error.BytePositionInLine + 1}: {reason}" : reason;
    }
}
