using System.Globalization;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using TimingProxy.AccessLog;
using TimingProxy.Hosting;
using TimingProxy.Routes;
using TimingProxy.Timing;

namespace TimingProxy.Tests.Fuzzing;

/// <summary>Whatever clients, apps and files say: read, or taken for silence.</summary>
public sealed class TrafficFuzzTests
{
    private static readonly Arbitrary<string> Times = Fuzz.Text(
        "total", "app", "db", ";", "dur", "=", "12.5", "0", "-1", "1e9", "99999999999999999999", ",", "\"", "\\", "desc=\"a;dur=9,b\"", " ", "ms", "s", "us", "µs", "ns", ".", "NaN", "∞");

    private static readonly Arbitrary<string> Paths = Fuzz.Text(
        "/", "articles", "a", "1", "42", "2024-05-01", "deadbeef", "6F9619FF-8B86-D011-B42D-00C04FC964FF", "%2F", ".", "..", ";", "{id}", "{*}", "ä", "-", "_", "QxZrTpLmNbVc");

    [Theory]
    [InlineData("X-Render-MS")]
    [InlineData("X-Runtime")]
    [InlineData("X-Response-Time")]
    [InlineData("Server-Timing")]
    public void AppReportedTime_OfAnyText_IsATimeOfADayAtMostOrSilence(string name)
    {
        var clock = new RequestClock(TimeProvider.System);
        Fuzz.Holds(Times, text =>
        {
            var headers = new HeaderDictionary { [name] = text };
            Assert.InRange(AppReportedTime.Read(headers, clock), -1, 86_400 * clock.Frequency);
        });
    }

    [Fact]
    public void ServerTiming_AmongAnyDescriptions_IsTheTotal() => Fuzz.Holds(
        Times.Generator.SelectMany(text => ArbMap.Default.GeneratorFor<NonNegativeInt>().Select(number => (Text: text, Number: number.Get))).ToArbitrary(),
        one =>
        {
            string quoted = one.Text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);
            string value = string.Create(CultureInfo.InvariantCulture, $"db;desc=\"{quoted}\";dur=7, TOTAL ; desc=\"{quoted}\" ; dur={one.Number}.5");
            Assert.Equal(one.Number + 0.5, AppReportedTime.ParseServerTiming(value));
        });

    [Fact]
    public void LearnedRoutes_OfAnyPaths_StayBoundedAndTemplatesBeginWithASlash()
    {
        var routes = new LearnedRoutes(pageRoutes: 5);
        Fuzz.Holds(Paths, path =>
        {
            for (int i = 0; i < LearnedRoutes.AnswersToAdmit; i++)
            {
                if (routes.Observe(path, isGoodAnswer: true) is { } seen)
                {
                    Assert.StartsWith("/", seen.Template, StringComparison.Ordinal);
                    Assert.True(seen.Template.Count(c => c == '/') <= 8, seen.Template);
                }
            }

            Assert.InRange(routes.Nodes, 0, 4_000);
        });
    }

    [Fact]
    public void TraceParent_OfAnyText_IsThirtyTwoDigitsOrNone() => Fuzz.Holds(
        Fuzz.Text("00", "-", "ff", "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "01", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "A"),
        text =>
        {
            if (TraceParent.TryGetTraceId(text, out var id))
            {
                Assert.Equal(32, id.Length);
                Assert.Contains(id.ToString(), text, StringComparison.Ordinal);
            }
        });

    [Fact]
    public void LengthHeader_OfAnyBytes_IsDigitsOrRefused() => Fuzz.Holds(
        Fuzz.Text("0", "1", "99", "+", "-", " ", "\t", "\v", ",", "\0", "9223372036854775807", "e", "_"),
        text =>
        {
            byte[] bytes = Encoding.Latin1.GetBytes(text);
            Span<char> chars = stackalloc char[20];
            int count = HeaderEncodings.OfRequest("Content-Length").GetChars(bytes, chars);
            bool isDigits = text.Length is > 0 and <= 19 && text.All(char.IsAsciiDigit);
            Assert.Equal(isDigits ? text : "x", chars[..count].ToString());
        });
}
