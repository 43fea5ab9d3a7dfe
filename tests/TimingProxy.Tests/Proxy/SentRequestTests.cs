using System.Text;
using TimingProxy.Proxy;
using Xunit;

namespace TimingProxy.Tests.Proxy;

public sealed class SentRequestTests
{
    [Theory]
    [InlineData("GET / HTTP/1.1\r\n", true, true, false)]
    [InlineData("PUT / HTTP/1.1\r\n", true, true, false)]
    [InlineData("POST / HTTP/1.1\r\n", true, false, true)]
    [InlineData("PATCH / HTTP/1.1\r\n", true, false, true)]
    [InlineData("TRACE / HTTP/1.1\r\n", true, true, false)]
    [InlineData("PROPFIND /dav/ HTTP/1.1\r\n", true, true, false)]
    [InlineData("MOVE /a HTTP/1.0\r\n", true, true, false)]
    [InlineData("LOCK / HTTP/1.1\r\n", true, false, true)]
    // Registered as idempotent, but each makes a new working resource.
    [InlineData("CHECKOUT / HTTP/1.1\r\n", true, false, true)]
    // Methods are told apart by case, and nobody knows what these do.
    [InlineData("propfind / HTTP/1.1\r\n", true, false, true)]
    [InlineData("GETTER / HTTP/1.1\r\n", true, false, true)]
    [InlineData("PURGE /a HTTP/1.1\r\nHost: a\r\n\r\n", true, false, true)]
    // HTTP/2, TLS, a WebSocket's frame and what else passes on an upgraded connection: nothing is known.
    [InlineData("PRI * HTTP/2.0\r\n", true, false, false)]
    [InlineData("\u0000\u0000\u0012\u0000POST / HTTP/1.1\r\n", true, false, false)]
    [InlineData("\u0017\u0003\u0003", true, false, false)]
    [InlineData("\u0081\u0012POST / HTTP/1.1\r\n", true, false, false)]
    [InlineData("exit 0\r\n", true, false, false)]
    [InlineData("GET 0\r\n", true, false, false)]
    [InlineData("POST", true, false, false)]
    [InlineData("", true, false, false)]
    // A fresh connection that ends is no stale one.
    [InlineData("GET / HTTP/1.1\r\n", false, false, true)]
    public void Request_Begun_MayBeSentAgainByItsMethod(string text, bool isReused, bool may, bool mustNot)
    {
        var request = default(SentRequest);

        bool isRequest = request.Begins(Encoding.Latin1.GetBytes(text), isReused);

        Assert.Equal(may || mustNot, isRequest);
        Assert.Equal((may, mustNot), (request.MayBeSentAgain, request.MustNotBeSentAgain));
    }

    [Fact]
    public void Request_GoingOn_BeginsNothingUntilItIsAnswered()
    {
        var request = default(SentRequest);
        request.Begins("POST / HTTP/1.1\r\n"u8, isReused: true);

        Assert.False(request.Begins("GET is what the body says"u8, isReused: true));
        Assert.True(request.MustNotBeSentAgain);

        request.Answered();
        Assert.Equal((false, false), (request.MayBeSentAgain, request.MustNotBeSentAgain));
        Assert.True(request.Begins("GET / HTTP/1.1\r\n"u8, isReused: true));
    }
}
