using TimingProxy.Settings;
using TimingProxy.Timing;
using Xunit;

namespace TimingProxy.Tests.House;

public sealed class RoomTests
{
    private const string Root = "TimingProxy";

    /// <summary>Who may know whom. A room may always know itself; what stands in no room (Program and its kind) may know all.</summary>
    private static readonly Dictionary<string, string[]> MayKnow = new()
    {
        ["Settings"] = [],
        ["Timing"] = ["Settings"],
        ["Routes"] = ["Timing", "Settings"],
        ["Metrics"] = ["Timing", "Settings"],
        ["AccessLog"] = ["Timing", "Settings"],
        ["Insight"] = ["Timing", "Settings"],
        ["Proxy"] = ["Timing", "Settings"],
        ["Health"] = ["Settings"],
        ["Hosting"] = ["Settings"],
        ["Demo"] = ["Settings"],
        ["Admin"] = ["Settings", "Timing", "Routes", "Metrics", "AccessLog", "Insight", "Proxy", "Health", "Hosting", "Demo"],
        ["Commands"] = ["Settings", "Timing", "Routes", "Metrics", "AccessLog", "Insight", "Proxy", "Health", "Hosting", "Demo"],
    };

    [Fact]
    public void Rooms_KnowOnlyWhomTheyMay()
    {
        var trespasses =
            from type in typeof(ProxySettings).Assembly.GetTypes()
            let room = RoomOf(type)
            where room is not null
            from mentioned in TypeReferences.Of(type)
            let other = RoomOf(mentioned)
            where other is not null && other != room && !MayKnow[room].Contains(other)
            select $"{room} knows {other}: {type.FullName} mentions {mentioned.FullName}";

        Assert.Empty(trespasses.Distinct());
    }

    [Fact]
    public void Rooms_AreTheOnesOfTheTable()
    {
        var rooms = typeof(ProxySettings).Assembly.GetTypes().Select(RoomOf).OfType<string>().Distinct();

        Assert.Empty(rooms.Except(MayKnow.Keys));
    }

    [Fact]
    public void TypeReferences_SeesWhatCodeMentions()
    {
        Assert.Contains(typeof(LiveSettings), TypeReferences.Of(typeof(TimingHeaders)));
        Assert.Contains(typeof(Milliseconds), TypeReferences.Of(typeof(TimingHeaders)));
    }

    private static string? RoomOf(Type type)
    {
        string[] parts = (type.Namespace ?? "").Split('.');
        return parts.Length > 1 && parts[0] == Root ? parts[1] : null;
    }
}
