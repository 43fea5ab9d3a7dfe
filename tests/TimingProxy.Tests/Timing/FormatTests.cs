using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Microsoft.Extensions.Time.Testing;
using TimingProxy.Timing;

namespace TimingProxy.Tests.Timing;

public sealed class FormatTests
{
    [Theory]
    [InlineData(0, "0.0")]
    [InlineData(-5, "0.0")]
    [InlineData(0.04, "0.0")]
    [InlineData(0.05, "0.1")]
    [InlineData(12.34, "12.3")]
    [InlineData(12.25, "12.3")]
    [InlineData(999.96, "1000.0")]
    [InlineData(1234567.89, "1234567.9")]
    public void Milliseconds_OneDecimal_HalvesUp(double value, string text)
    {
        Assert.Equal(text, Milliseconds.Format(value));
        Assert.Equal(text, Milliseconds.Format(value));
        Assert.Equal(double.Parse(text, CultureInfo.InvariantCulture), Milliseconds.Round(value));
    }

    [Theory]
    [InlineData("X-Render-MS", "12.5", 0.0125)]
    [InlineData("X-Runtime", "0.25", 0.25)]
    [InlineData("X-Response-Time", "12", 0.012)]
    [InlineData("X-Response-Time", "12.5ms", 0.0125)]
    [InlineData("X-Response-Time", "0.5 s", 0.5)]
    [InlineData("X-Response-Time", "80us", 0.00008)]
    [InlineData("X-Response-Time", "80\u00b5s", 0.00008)]
    [InlineData("Server-Timing", "db;dur=3, app;dur=20, total;dur=25.5", 0.0255)]
    [InlineData("Server-Timing", "db;dur=30, app;dur=20", 0.02)]
    [InlineData("Server-Timing", "db;dur=3, cache;desc=\"a, total;dur=9\";dur=4", 0.004)]
    [InlineData("Server-Timing", "TOTAL;desc=x;DUR=\"7\"", 0.007)]
    [InlineData("Server-Timing", "cache, db;dur=5", 0.005)]
    public void AppReported_Value_IsRead(string name, string value, double seconds) => Assert.Equal(seconds, Read((name, value)), 6);

    [Theory]
    [InlineData("X-Render-MS", "")]
    [InlineData("X-Render-MS", "-1")]
    [InlineData("X-Render-MS", "NaN")]
    [InlineData("X-Render-MS", "1e3")]
    [InlineData("X-Render-MS", "1,5")]
    [InlineData("X-Render-MS", "99999999999999")]
    [InlineData("X-Runtime", "Infinity")]
    [InlineData("X-Response-Time", "5 parsecs")]
    [InlineData("X-Response-Time", "ms")]
    [InlineData("X-Response-Time", "..")]
    [InlineData("Server-Timing", "")]
    [InlineData("Server-Timing", ",;,;=,;dur,;dur=")]
    [InlineData("Server-Timing", "total;dur=-5")]
    [InlineData("Server-Timing", "a;desc=\"never closed, total;dur=5")]
    [InlineData("Server-Timing", "a;desc=\"\\")]
    public void AppReported_NoTime_IsSilence(string name, string value) => Assert.Equal(-1, Read((name, value)));

    [Fact]
    public void AppReported_SeveralHeaders_FirstReadableOfTheOrderWins()
    {
        Assert.Equal(0.01, Read(("X-Runtime", "5"), ("X-Render-MS", "10")), 6);
        Assert.Equal(5, Read(("X-Runtime", "5"), ("X-Render-MS", "soon")), 6);
        Assert.Equal(0.003, Read(("X-Render-MS", "1"), ("X-Render-MS", "2"), ("Server-Timing", "total;dur=3")), 6);
    }

    [Theory]
    [InlineData("10.1.2.3", true)]
    [InlineData("::ffff:10.1.2.3", true)]
    [InlineData("11.1.2.3", false)]
    [InlineData("fd00::1", true)]
    [InlineData("fe80::1", false)]
    public void Networks_Peer_IsFoundInBothForms(string peer, bool isInside)
    {
        ImmutableArray<IPNetwork> networks = [IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("fd00::/8")];

        Assert.Equal(isInside, PeerNetworks.Contains(networks, IPAddress.Parse(peer)));
    }

    [Fact]
    public void Networks_PeerOnAUnixSocket_IsThisMachine()
    {
        Assert.True(PeerNetworks.Contains([IPNetwork.Parse("127.0.0.0/8")], null));
        Assert.False(PeerNetworks.Contains([IPNetwork.Parse("10.0.0.0/8")], null));
    }

    private static double Read(params (string Name, string Value)[] headers)
    {
        var clock = new RequestClock(new FakeTimeProvider());
        var dictionary = new HeaderDictionary();
        foreach (var (name, value) in headers)
        {
            dictionary.Append(name, value);
        }

        long ticks = AppReportedTime.Read(dictionary, clock);
        return ticks < 0 ? -1 : clock.ToSeconds(ticks);
    }
}
