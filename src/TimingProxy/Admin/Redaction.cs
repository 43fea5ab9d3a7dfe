using System.Buffers;
using System.Text;

namespace TimingProxy.Admin;

/// <summary>What of a configuration is nobody's business. In doubt a value is hidden: who may see it has the file.</summary>
internal static class Redaction
{
    public const string Hidden = "***";

    private static readonly string[] SecretWords =
        ["password", "passwd", "passphrase", "pwd", "secret", "token", "credential", "authorization", "apikey", "accesskey", "privatekey", "connectionstring"];

    // Of these the key says where something is, or how it is called.
    private static readonly string[] Locations = ["path", "file", "keyname"];

    /// <summary>Kinds of YARP transforms whose <c>Set</c> or <c>Append</c> is a literal value; of <c>X-Forwarded</c> and others it is a mode.</summary>
    private static readonly string[] ValueTransforms = ["RequestHeader", "ResponseHeader", "ResponseTrailer", "QueryValueParameter"];

    /// <summary>Sections whose keys are names that somebody gave: a route may well be called <c>token</c>.</summary>
    private static readonly string[] SectionsOfNames = ["Routes", "Clusters", "Destinations", "Endpoints", "Certificates", "Sni", "LogLevel"];

    private static readonly SearchValues<char> EndOfUrl = SearchValues.Create(";, \t\"'");

    private static readonly SearchValues<char> EndOfAuthority = SearchValues.Create("/?#\\;, \t\"'");

    /// <summary>Whether the value of <paramref name="child"/> of <paramref name="section"/> is to be hidden, with all that is below it.</summary>
    public static bool IsSecret(IConfigurationSection child, IConfigurationSection section)
    {
        bool isName = IsAny(section.Key, SectionsOfNames) && (child.Value is null || IsAny(section.Key, "LogLevel"));
        return !isName && (IsSecretKey(child.Key) || IsSecretBeside(child.Key, section));
    }

    /// <summary>Whether the name of a key says that its value is a secret: <c>Password</c> or <c>Api-Key</c> does, <c>KeyPath</c> does not.</summary>
    public static bool IsSecretKey(string key)
    {
        string plain = string.Concat(key.Where(char.IsAsciiLetterOrDigit)).ToLowerInvariant();
        if (Locations.Any(location => plain.EndsWith(location, StringComparison.Ordinal)))
        {
            return false;
        }

        return plain.EndsWith("key", StringComparison.Ordinal) || SecretWords.Any(word => plain.Contains(word, StringComparison.Ordinal));
    }

    /// <summary>
    /// Whether <paramref name="key"/> holds a secret because of the keys beside it: the value that a transform sets, or those by which a route
    /// matches a header or a query parameter with a secret name.
    /// </summary>
    private static bool IsSecretBeside(string key, IConfiguration siblings)
    {
        if (IsAny(key, "Set", "Append"))
        {
            return siblings.GetChildren().Any(sibling => IsAny(sibling.Key, ValueTransforms));
        }

        // Of an active health check: one that asks for a token is sent it so.
        if (IsAny(key, "Query"))
        {
            return true;
        }

        return IsAny(key, "Values") && siblings["Name"] is { } name && (IsSecretKey(name) || IsAny(name, "Cookie"));
    }

    /// <summary>Hides of each URL in <paramref name="text"/> what stands before its <c>@</c> and after its <c>?</c>.</summary>
    public static string WithoutSecretsOfUrls(string text)
    {
        const string Scheme = "://";
        var result = new StringBuilder();
        int from = 0;
        for (int at = text.IndexOf(Scheme, StringComparison.Ordinal); at >= 0; at = text.IndexOf(Scheme, from, StringComparison.Ordinal))
        {
            int authority = at + Scheme.Length;
            int length = text.AsSpan(authority).IndexOfAny(EndOfAuthority);
            int end = length < 0 ? text.Length : authority + length;
            int userInfoEnd = text.AsSpan(authority, end - authority).LastIndexOf('@');
            result.Append(text, from, authority - from);
            if (userInfoEnd >= 0)
            {
                result.Append(Hidden);
                authority += userInfoEnd;
            }

            result.Append(text, authority, end - authority);
            from = end;
            length = text.AsSpan(end).IndexOfAny(EndOfUrl);
            int urlEnd = length < 0 ? text.Length : end + length;
            int query = text.AsSpan(end, urlEnd - end).IndexOf('?') + 1;
            if (query > 0 && end + query < urlEnd)
            {
                result.Append(text, end, query).Append(Hidden);
                from = urlEnd;
            }
        }

        return result.Append(text, from, text.Length - from).ToString();
    }

    private static bool IsAny(string key, params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            if (key.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }
}
