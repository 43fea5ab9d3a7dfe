using TimingProxy.Routes;

namespace TimingProxy.Tests.Routes;

public sealed class SegmentShapeTests
{
    [Theory]
    [InlineData("1")]
    [InlineData("0012345")]
    [InlineData("2024-05-01")]
    [InlineData("2024.05")]
    [InlineData("0af76519-16cd-43dd-8448-eb211c80319c")]
    [InlineData("0AF7651916CD43DD8448EB211C80319C")]
    [InlineData("d41d8cd")]
    [InlineData("dQw4w9WgXcQ1")]
    [InlineData("abcdefghijklmnopqrstuvwxyzabcdef")]
    [InlineData("a b")]
    [InlineData("user@example.org")]
    [InlineData("invoice-d41d8cd98f00b204")]
    public void IsValue_OneOfMany_IsTrue(string segment) => Assert.True(SegmentShape.IsValue(segment));

    [Theory]
    [InlineData("")]
    [InlineData("articles")]
    [InlineData("v1")]
    [InlineData("oauth2")]
    [InlineData("index.html")]
    [InlineData("my-long-but-readable-slug")]
    [InlineData("api_keys")]
    [InlineData("deadbeef")]
    [InlineData("caf\u00e9")]
    public void IsValue_Word_IsFalse(string segment) => Assert.False(SegmentShape.IsValue(segment));
}
