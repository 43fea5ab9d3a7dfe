using System.Net;
using FsCheck;
using FsCheck.Fluent;
using TimingProxy.Hosting;
using TimingProxy.Proxy;
using TimingProxy.Settings;
using TimingProxy.Timing;

namespace TimingProxy.Tests.Fuzzing;

/// <summary>Whatever stands in a configuration is a value or an error that says what is wrong, and what is written is read back.</summary>
public sealed class SettingsFuzzTests
{
    private static readonly Arbitrary<string> Durations = Fuzz.Text("0", "1", "12", ".", "5", "ms", "s", "m", "h", ":", "00:00:10", " ", "-", "+", "e9", "99999999999");

    private static readonly Arbitrary<string> Addresses = Fuzz.Text(
        "http", "https", "h2c", "unix", ":", "//", "/", "127.0.0.1", "localhost", "app", "[::1]", "*", "+", ":80", ":0", ":99999", "?q", "#f", "@", "user:pw", " ", "%2F", ";");

    private static readonly Arbitrary<string> Networks = Fuzz.Text(
        "10.0.0.0", "/8", "/33", "fd00::", "/64", "::ffff:10.0.0.1", "127.0.0.1", "/", "-1", ";", ",", " ", "0", "::", "/0", "%eth0");

    [Fact]
    public void Duration_OfAnyText_IsWithinBoundsOrAnError() => Fuzz.Holds(Durations, text =>
    {
        var read = TimeSpan.MinValue;
        if (Fuzz.Reads(() => read = Duration.Parse(text)))
        {
            Assert.InRange(read, TimeSpan.Zero, Duration.Longest);
            Assert.InRange((read - Duration.Parse(Duration.Format(read))).Ticks, -1, 1);
        }
    });

    [Fact]
    public void Duration_AsWritten_IsReadBack() => Fuzz.Holds(
        ArbMap.Default.GeneratorFor<NonNegativeInt>().Select(n => TimeSpan.FromMilliseconds(n.Get * 977L % (long)Duration.Longest.TotalMilliseconds)).ToArbitrary(),
        span => Assert.Equal(span, Duration.Parse(Duration.Format(span))));

    [Fact]
    public void Networks_OfAnyText_AreReadBackOrAnError() => Fuzz.Holds(Networks, text =>
    {
        if (Fuzz.Reads(() => SettingKinds.Networks.Parse(text)))
        {
            var networks = SettingKinds.Networks.Parse(text);
            Assert.Equal(networks, SettingKinds.Networks.Parse(SettingKinds.Networks.Format(networks)));
            Assert.All(networks, network => Assert.True(PeerNetworks.Contains([network], network.BaseAddress) || network.BaseAddress.IsIPv4MappedToIPv6));
            _ = PeerNetworks.Contains(networks, IPAddress.IPv6Any);
        }
    });

    /// <summary>What is taken for an address can be connected to as one: the settings and the proxy agree.</summary>
    [Fact]
    public void UpstreamAddress_ThatIsTaken_IsADestination() => Fuzz.Holds(Addresses, text =>
    {
        bool isTaken = Fuzz.Reads(() => SettingKinds.UpstreamAddress.Parse(text));
        bool isKnown = UpstreamAddress.TryParse(text, out var address);
        Assert.True(!isTaken || isKnown, text);
        Assert.True(address is null || Uri.TryCreate(address.Destination, UriKind.Absolute, out _), text);
    });

    [Fact]
    public void ListenAddress_OfAnyText_IsTakenOrAnError() => Fuzz.Holds(Addresses, text =>
    {
        if (Fuzz.Reads(() => SettingKinds.ListenAddresses.Parse(text)))
        {
            Assert.All(SettingKinds.ListenAddresses.Parse(text), address =>
                ListenAddress.Bind(new Microsoft.AspNetCore.Server.Kestrel.Core.KestrelServerOptions(), address, (_, _) => { }));
        }
    });

    [Fact]
    public void RoutePattern_OfAnyText_IsTakenOrAnError() => Fuzz.Holds(
        Fuzz.Text("/", "a", "{", "}", "*", "**", "id", ":int", ":regex(", ")", "[", "?", "=", "{id}", "{**rest}", ":min(1)", "{{", "~"),
        text => Fuzz.Reads(() => RoutePatterns.Check(text)));

    [Fact]
    public void Settings_OfAnyNamesAndValues_AreReadAndEachErrorNamesItsKey()
    {
        string[] sections = ["Upstream", "Metrics", "Headers", "Listen", "Admin", "Health", "AccessLog", "Nonsense", ""];
        string[] names = ["Timeout", "Address", "MaxRoutes", "Buckets", "0", "1", "Name", "Enabled", "Listen", ":", "x"];
        var key = Gen.Elements(sections).SelectMany(section => Gen.Elements(names).Select(name => $"TimingProxy:{section}:{name}"));
        var pair = key.SelectMany(name => Gen.OneOf(Durations.Generator, Addresses.Generator, Networks.Generator).Select(value => KeyValuePair.Create(name, value)));
        Fuzz.Holds(pair.ArrayOf().ToArbitrary(), pairs =>
        {
            var values = pairs.DistinctBy(one => one.Key, StringComparer.OrdinalIgnoreCase).Select(one => KeyValuePair.Create(one.Key, (string?)one.Value));
            var (settings, errors) = SettingsReader.Read((IConfigurationRoot)new ConfigurationBuilder().AddInMemoryCollection(values).Build());
            Assert.NotNull(settings);
            Assert.All(errors, error => Assert.Contains(error.Key, error.Message, StringComparison.Ordinal));
        });
    }
}
