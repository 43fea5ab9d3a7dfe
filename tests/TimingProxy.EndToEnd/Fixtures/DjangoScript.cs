using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace TimingProxy.EndToEnd.Fixtures;

/// <summary>
/// A browser's dealings with the sample app, written down as text so that two runs can be compared: one against the app,
/// one through the proxy. Left out is only what may differ between two runs against the app itself (dates, tokens,
/// session keys and its own timing), what belongs to one connection, and the stamp, which is returned apart.
/// </summary>
public sealed partial class DjangoScript(int port)
{
    private static readonly string[] LeftOut = ["Connection", "Keep-Alive", "Date", "X-Render-MS"];
    private static readonly string[] OnlyNamed = ["Expires", "X-App-MS"];

    private readonly StringBuilder _transcript = new();
    private readonly Dictionary<string, string> _cookies = [];
    private readonly List<string[]> _stamps = [];

    public string Transcript => _transcript.ToString();

    /// <summary>The values of X-Render-MS, for each answer.</summary>
    public IReadOnlyList<string[]> Stamps => _stamps;

    public static IEnumerable<string> Names => Scripts.Keys;

    private static Dictionary<string, Func<DjangoScript, CancellationToken, Task>> Scripts { get; } = new()
    {
        ["login"] = (s, ct) => s.LoginAsync(ct),
        ["forged form"] = (s, ct) => s.PostFormAsync("/login", "username=demo&password=demo&csrfmiddlewaretoken=forged", ct),
        ["redirects"] = (s, ct) => s.GetAllAsync(ct, "/redirect", "/absolute-redirect", "/account"),
        ["stream"] = (s, ct) => s.GetAllAsync(ct, "/stream", "/async/stream"),
        ["static file"] = (s, ct) => s.GetAllAsync(ct, "/static/hello.txt", "/static/nothing.txt"),
        ["failures"] = (s, ct) => s.GetAllAsync(ct, "/missing", "/error", "/delay?ms=many"),
        ["database"] = (s, ct) => s.GetAllAsync(ct, "/articles", "/articles/7", "/async/articles/7", "/articles/1000"),
        ["odd targets"] = (s, ct) => s.GetAllAsync(ct, "/headers?a=%7Eb%2Fc+d&&e=%C3%BC", "/headers/", "//fast", "/%66ast", "/fast?", "/static/../fast", "/a%2Fb"),
        ["head"] = (s, ct) => s.AskAsync(RawClient.Get("/articles", method: "HEAD"), ct),
        ["options"] = (s, ct) => s.AskAsync(RawClient.Get("/account", method: "OPTIONS"), ct),
        ["request headers"] = (s, ct) => s.AskAsync(RawClient.Get("/headers", headers: OddHeaders), ct),
        ["wrong host"] = (s, ct) => s.AskAsync(RawClient.Get("/fast", host: "other.example"), ct),
        ["host with port"] = (s, ct) => s.AskAsync(RawClient.Get("/absolute-redirect", host: "legacy.example:8443"), ct),
        ["upload"] = (s, ct) => s.UploadAsync(50 << 20, ct),
    };

    private static string OddHeaders =>
        "Accept: */*\r\nAccept-Encoding: gzip, br\r\nCookie: a=1; b=\"2, 3\"\r\nX-Forwarded-For: 203.0.113.7, 10.0.0.1\r\nX-Forwarded-Proto: https\r\n"
        + "X-Forwarded-Host: front.example\r\nForwarded: for=203.0.113.7\r\nX-Request-Id: 42\r\nX-Empty:\r\nX-Latin: caf\u00e9\r\nX-Utf8: caf\u00c3\u00a9\r\n"
        + "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\ntracestate: vendor=1\r\nbaggage: k=v\r\nUser-Agent: e2e (test)\r\n"
        + "Authorization: Basic ZGVtbzpkZW1v\r\nVia: 1.1 front\r\nIf-None-Match: \"x\"\r\n";

    public Task RunAsync(string name, CancellationToken cancellationToken) => Scripts[name](this, cancellationToken);

    private async Task LoginAsync(CancellationToken cancellationToken)
    {
        var form = await AskAsync(RawClient.Get("/login?next=/account"), cancellationToken);
        var token = Token().Match(form.Text).Groups[1].Value;
        Assert.NotEmpty(token);
        await PostFormAsync("/login?next=/account", $"csrfmiddlewaretoken={token}&username=demo&password=wrong", cancellationToken);
        var login = await PostFormAsync("/login?next=/account", $"csrfmiddlewaretoken={token}&username=demo&password=demo&next=/account", cancellationToken);
        Assert.Equal(302, login.Status);
        Assert.Equal("/account", login.Head.Value("Location"));
        for (var visit = 1; visit <= 2; visit++)
        {
            var account = await AskAsync(RawClient.Get("/account", headers: CookieLine), cancellationToken);
            Assert.Equal($"user demo, visit {visit}\n", account.Text);
        }

        await AskAsync(RawClient.Get("/logout", headers: CookieLine), cancellationToken);
        await AskAsync(RawClient.Get("/account", headers: CookieLine), cancellationToken);
    }

    private string CookieLine => _cookies.Count == 0 ? "" : $"Cookie: {string.Join("; ", _cookies.Select(c => $"{c.Key}={c.Value}"))}\r\n";

    private async Task UploadAsync(int size, CancellationToken cancellationToken)
    {
        const string boundary = "----------------e2e";
        var head = Encoding.ASCII.GetBytes($"--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"big.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n");
        var tail = Encoding.ASCII.GetBytes($"\r\n--{boundary}--\r\n");
        var content = new byte[size];
        new Random(1).NextBytes(content);
        var answer = await AskAsync(
            $"POST /upload HTTP/1.1\r\nHost: {DjangoApp.Host}\r\nContent-Type: multipart/form-data; boundary={boundary}\r\nContent-Length: {head.Length + size + tail.Length}\r\n\r\n",
            cancellationToken,
            [.. head, .. content, .. tail]);
        Assert.Equal($$"""{"size": {{size}}, "sha256": "{{Convert.ToHexStringLower(SHA256.HashData(content))}}"}""", answer.Text);
    }

    private async Task GetAllAsync(CancellationToken cancellationToken, params string[] targets)
    {
        foreach (var target in targets)
        {
            await AskAsync(RawClient.Get(target), cancellationToken);
        }
    }

    private Task<RawResponse> PostFormAsync(string target, string form, CancellationToken cancellationToken) => AskAsync(
        $"POST {target} HTTP/1.1\r\nHost: {DjangoApp.Host}\r\n{CookieLine}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {form.Length}\r\n\r\n{form}",
        cancellationToken);

    private async Task<RawResponse> AskAsync(string request, CancellationToken cancellationToken, byte[]? body = null)
    {
        await using var client = await RawClient.ConnectAsync(port, cancellationToken);
        await client.SendAsync(Encoding.Latin1.GetBytes(request), cancellationToken);
        await client.SendAsync(body ?? [], cancellationToken);
        var answer = await client.ReceiveAsync(cancellationToken, hasBody: !request.StartsWith("HEAD ", StringComparison.Ordinal));
        foreach (var cookie in answer.Head.Values("Set-Cookie").Select(v => v.Split(';')[0].Split('=', 2)))
        {
            _cookies[cookie[0]] = cookie[1];
        }

        _stamps.Add([.. answer.Head.Values("X-Render-MS")]);
        WriteDown(request[..request.IndexOf('\r', StringComparison.Ordinal)], answer);
        return answer;
    }

    private void WriteDown(string requestLine, RawResponse answer)
    {
        _transcript.AppendLine(CultureInfo.InvariantCulture, $"> {requestLine}").AppendLine(answer.Head.StartLine);
        foreach (var (name, value) in answer.Head.Headers
            .Where(h => !LeftOut.Contains(h.Name, StringComparer.OrdinalIgnoreCase))
            .OrderBy(h => h.Name, StringComparer.OrdinalIgnoreCase))
        {
            _transcript.AppendLine(CultureInfo.InvariantCulture, $"{name.ToLowerInvariant()}: {Shown(name, value)}");
        }

        var body = Random().Replace(Encoding.Latin1.GetString(answer.Body), "$1*");
        _transcript.AppendLine(body.Length <= 2000 ? body : $"{body.Length} bytes, {Convert.ToHexStringLower(SHA256.HashData(Encoding.Latin1.GetBytes(body)))}");
    }

    private static string Shown(string name, string value) =>
        OnlyNamed.Contains(name, StringComparer.OrdinalIgnoreCase) ? "*" : Random().Replace(value, "$1*");

    [GeneratedRegex("name=\"csrfmiddlewaretoken\" value=\"(\\w+)\"")]
    private static partial Regex Token();

    /// <summary>What the app makes anew each time: tokens, session keys, and when they expire.</summary>
    [GeneratedRegex("(csrftoken=|sessionid=|expires=|name=\"csrfmiddlewaretoken\" value=\")(\\w{3}, [^;]+|\\w+)")]
    private static partial Regex Random();
}
