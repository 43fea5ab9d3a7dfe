using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;

namespace TimingProxy.Settings;

/// <summary>A type of setting: how its text is read and written, and how documents name it.</summary>
/// <param name="Name">As docs/settings.md shows it, with the unit where there is one.</param>
/// <param name="JsonType">Of the value in a configuration file, for the JSON schema.</param>
/// <param name="Parse">Throws <see cref="FormatException"/> with the mend where the text cannot be read.</param>
/// <param name="Format">The text that <paramref name="Parse"/> reads back.</param>
internal sealed record SettingKind<T>(string Name, string JsonType, Func<string, T> Parse, Func<T, string> Format);

/// <summary>The types that settings have.</summary>
internal static class SettingKinds
{
    /// <summary>A hundred times the default. A scrape of so many already has millions of lines.</summary>
    private const int MostSeries = 100_000;

    /// <summary>Headers that say where a message or a connection ends: replacing one breaks every answer.</summary>
    private static readonly HashSet<string> Framing = new(StringComparer.OrdinalIgnoreCase)
    {
        "Connection", "Content-Length", "Keep-Alive", "Trailer", "Transfer-Encoding", "Upgrade",
    };

    public static readonly SettingKind<bool> Switch = new(
        "true or false",
        "boolean",
        text => bool.TryParse(text, out bool value) ? value : throw new FormatException("write true or false"),
        value => value ? "true" : "false");

    public static readonly SettingKind<TimeSpan> Duration = new(
        "duration", "string", Settings.Duration.Parse, Settings.Duration.Format);

    public static readonly SettingKind<int> Count = new(
        "whole number",
        "integer",
        text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value)
            ? value
            : throw new FormatException("not a whole number; write 0 or more"),
        value => value.ToString(CultureInfo.InvariantCulture));

    public static readonly SettingKind<int> PositiveCount = Count with
    {
        Name = "whole number above 0",
        Parse = text => Count.Parse(text) is > 0 and var value ? value : throw new FormatException("must be 1 or more"),
    };

    /// <summary>What memory is set aside for at the start: a histogram takes some hundred bytes for each, whether it is used or not.</summary>
    public static readonly SettingKind<int> SeriesCount = PositiveCount with
    {
        Name = $"whole number above 0, at most {MostSeries}",
        Parse = text => PositiveCount.Parse(text) is <= MostSeries and var value ? value : throw new FormatException($"must be {MostSeries} or less"),
    };

    public static readonly SettingKind<double> Milliseconds = new(
        "number, ms", "number", text => Number(text), value => value.ToString(CultureInfo.InvariantCulture));

    public static readonly SettingKind<string> HeaderName = new(
        "header name",
        "string",
        text => text.Length == 0 || !text.All(IsTokenCharacter)
            ? throw new FormatException("not a header name; write letters, digits and hyphens only, like X-Render-MS")
            : Framing.Contains(text) ? throw new FormatException("this header frames the message; write another name, like X-Render-MS") : text,
        value => value);

    public static readonly SettingKind<ImmutableArray<IPNetwork>> Networks = List(
        "list of CIDRs",
        "string",
        text => IPNetwork.TryParse(text, out var network)
            ? network
            : IPAddress.TryParse(text, out var address)
                ? new IPNetwork(address, address.GetAddressBytes().Length * 8)
                : throw new FormatException($"\"{text}\" is not a network; write 10.0.0.0/8 or fd00::/8 (host bits zero)"),
        network => network.ToString());

    public static readonly SettingKind<ImmutableArray<string>> RouteTemplates = List(
        "list of route patterns", "string", RoutePatterns.Check, template => template);

    public static readonly SettingKind<ImmutableArray<string>> ListenAddresses = List(
        "list of addresses", "string", ListenAddress, address => address);

    public static readonly SettingKind<ImmutableArray<double>> Buckets = Numbers(
        "list of numbers, s", values => values.Zip(values.Skip(1)).All(pair => pair.First < pair.Second), "must be above 0 and ascending, like 0.01;0.1;1");

    public static readonly SettingKind<ImmutableArray<double>> Objectives = Numbers(
        "list of numbers, ms", _ => true, "must be above 0, like 100;250");

    public static readonly SettingKind<string?> UpstreamAddress = new(
        "address",
        "string",
        text => IsUpstream(text)
            ? text
            : throw new FormatException("not an upstream address; write http://host:port, https://host:port, h2c://host:port or unix:/path.sock"),
        value => value ?? "");

    public static SettingKind<TEnum> Choice<TEnum>()
        where TEnum : struct, Enum => new(
            string.Join(", ", Enum.GetNames<TEnum>()),
            "string",
            // TryParse would take numbers as well.
            text => text.All(char.IsAsciiLetter) && Enum.TryParse<TEnum>(text, ignoreCase: true, out var value)
                ? value
                : throw new FormatException($"write one of {string.Join(", ", Enum.GetNames<TEnum>())}"),
            value => value.ToString());

    /// <summary>Lists are written as arrays, or in one line with <c>;</c> between.</summary>
    private static SettingKind<ImmutableArray<T>> List<T>(string name, string itemType, Func<string, T> parse, Func<T, string> format) => new(
        name,
        "array of " + itemType,
        text => ParseAll(text, parse),
        values => string.Join(";", values.Select(format)));

    /// <exception cref="FormatException">Some items cannot be read; the message has each of them.</exception>
    private static ImmutableArray<T> ParseAll<T>(string text, Func<string, T> parse)
    {
        var values = ImmutableArray.CreateBuilder<T>();
        var errors = new List<string>();
        foreach (string item in text.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            try
            {
                values.Add(parse(item));
            }
            catch (FormatException error)
            {
                errors.Add(error.Message);
            }
        }

        return errors.Count == 0 ? values.ToImmutable() : throw new FormatException(string.Join(". ", errors));
    }

    private static SettingKind<ImmutableArray<double>> Numbers(string name, Func<ImmutableArray<double>, bool> isRight, string mend)
    {
        var list = List(name, "number", text => Number(text), value => value.ToString(CultureInfo.InvariantCulture));
        return list with
        {
            Parse = text => list.Parse(text) is var values && values.All(value => value > 0) && isRight(values) ? values : throw new FormatException(mend),
        };
    }

    private static double Number(string text) =>
        // With an exponent: JSON's numbers have one.
        double.TryParse(text, NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value)
            ? value
            : throw new FormatException($"\"{text}\" is not a number of 0 or more");

    private static string ListenAddress(string text)
    {
        const string Mend = "write http://*:8080, http://127.0.0.1:8080, http://[::1]:8080, http://unix:/path.sock, or the same with https";
        try
        {
            var address = BindingAddress.Parse(text);
            bool isKnown = address.Scheme.ToLowerInvariant() is "http" or "https" && (address.IsUnixPipe || address.Port is >= 0 and <= 65_535);
            bool hasNoPath = address.IsUnixPipe || address.PathBase.Length == 0;
            bool isBindable = address.IsUnixPipe || address.Host is "*" or "+" or "localhost" || IPAddress.TryParse(address.Host.Trim('[', ']'), out _);
            if (address.IsUnixPipe)
            {
                CheckSocketPath(text, address.UnixPipePath);
            }

            return isKnown && hasNoPath && isBindable ? text : throw new FormatException($"\"{text}\" cannot be listened on; {Mend}");
        }
        catch (Exception error) when (error is InvalidOperationException || (error is FormatException && !error.Message.StartsWith($"\"{text}\"", StringComparison.Ordinal)))
        {
            throw new FormatException($"\"{text}\" is not an address to listen on; {Mend}");
        }
    }

    private static bool IsUpstream(string text)
    {
        if (text.StartsWith("unix:", StringComparison.OrdinalIgnoreCase))
        {
            string path = text["unix:".Length..];
            path = path.StartsWith("//", StringComparison.Ordinal) ? path[2..] : path;
            return path.StartsWith('/') && CheckSocketPath(text, path);
        }

        return Uri.TryCreate(text, UriKind.Absolute, out var uri)
            && uri.Scheme is "http" or "https" or "h2c"
            && uri.Host.Length != 0
            && uri.Query.Length == 0
            && uri.Fragment.Length == 0;
    }

    /// <exception cref="FormatException">The system's addresses of sockets have no room for the path.</exception>
    internal static bool CheckSocketPath(string text, string path)
    {
        try
        {
            _ = new UnixDomainSocketEndPoint(path);
            return true;
        }
        catch (ArgumentException)
        {
            throw new FormatException($"\"{text}\": the path of a socket is at most 108 bytes long; use a shorter one");
        }
    }

    // RFC 9110 section 5.6.2.
    private static bool IsTokenCharacter(char c) => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c, StringComparison.Ordinal);
}
