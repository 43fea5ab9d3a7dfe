using TimingProxy.Routes;

namespace TimingProxy.Tests.Routes;

/// <summary>What has no digits, and is a value all the same or is none.</summary>
public sealed class RandomWordsTests
{
    [Theory]
    [InlineData("qwrtzpsdfghklmnbvcx")]
    [InlineData("xKqZvBnMwRtPlJhGe")]
    [InlineData("aGUgQnJvd24gRm94IEo")]
    [InlineData("01ARZ3NDEKTSV4RRFFQ69G5FAV")]
    [InlineData("507f1f77bcf86cd799439011")]
    [InlineData("20240501")]
    [InlineData("2024-05-01T10:00:00Z")]
    [InlineData("-1")]
    [InlineData("3.14")]
    public void IsValue_LongRandomWord_IsTrue(string segment) => Assert.True(SegmentShape.IsValue(segment));

    [Theory]
    [InlineData("internationalization")]
    [InlineData("getUserProfileSettings")]
    [InlineData("organizationMemberships")]
    [InlineData("administration")]
    [InlineData("ADMINISTRATORSETTINGS")]
    [InlineData("web-application-firewall-rules")]
    [InlineData("latchstring-catchphrase")]
    [InlineData(".well-known")]
    [InlineData("robots.txt")]
    [InlineData("jquery.min.js")]
    [InlineData("sitemap_index.xml")]
    [InlineData("h2o")]
    [InlineData("s3")]
    public void IsValue_LongReadableWord_IsFalse(string segment) => Assert.False(SegmentShape.IsValue(segment));
}
