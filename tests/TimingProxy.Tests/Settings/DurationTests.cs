using TimingProxy.Settings;

namespace TimingProxy.Tests.Settings;

public sealed class DurationTests
{
    [Theory]
    [InlineData("250ms", 250)]
    [InlineData("1.5s", 1_500)]
    [InlineData("2m", 120_000)]
    [InlineData("1h", 3_600_000)]
    [InlineData("0s", 0)]
    [InlineData(" 10 S ", 10_000)]
    [InlineData("00:00:10", 10_000)]
    [InlineData("01:02:03.5", 3_723_500)]
    public void Parse_Duration_IsRead(string text, double milliseconds) =>
        Assert.Equal(milliseconds, Duration.Parse(text).TotalMilliseconds);

    [Theory]
    [InlineData("")]
    [InlineData("10")]
    [InlineData("-1s")]
    [InlineData("-00:00:01")]
    [InlineData("1,5s")]
    [InlineData("1e3s")]
    [InlineData("ms")]
    [InlineData("NaNs")]
    [InlineData("Infinitys")]
    [InlineData("5 days")]
    [InlineData("99999999999999999999h")]
    public void Parse_NoDuration_IsRefused(string text) => Assert.Throws<FormatException>(() => Duration.Parse(text));

    [Fact]
    public void Parse_BareNumber_IsToldTheMend() =>
        Assert.Contains("10ms or 10s", Assert.Throws<FormatException>(() => Duration.Parse("10")).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("250ms")]
    [InlineData("0s")]
    [InlineData("1.5s")]
    [InlineData("100s")]
    [InlineData("2m")]
    [InlineData("1h")]
    [InlineData("0.5ms")]
    public void Format_IsWhatParseReads(string text) => Assert.Equal(text, Duration.Format(Duration.Parse(text)));
}
