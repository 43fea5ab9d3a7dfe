using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Yarp.ReverseProxy.Transforms;

namespace TimingProxy.Proxy;

/// <summary>
/// <c>Forwarding:XForwarded=Append</c>, for a proxy behind others: <c>X-Forwarded-For</c> gets the peer at its end, and what says how the client
/// came in (<c>X-Forwarded-Proto</c>, <c>X-Forwarded-Host</c>) is kept, and set only where nothing has come. Everything else passes.
/// </summary>
/// <remarks>
/// Not as YARP's own append, which makes lists of all of them: apps read scheme and host as one value, and <c>https, http</c> is none that they know.
/// </remarks>
internal static class AppendedForwarding
{
    public static ValueTask ApplyAsync(RequestTransformContext step)
    {
        var context = step.HttpContext;
        var before = RequestTransform.TakeHeader(step, "X-Forwarded-For");
        string? peer = AddressOf(context.Connection.RemoteIpAddress);
        Add("X-Forwarded-For", StringValues.IsNullOrEmpty(before) ? peer : StringValues.Concat(before, peer));
        KeepOrSet("X-Forwarded-Proto", context.Request.Scheme);
        KeepOrSet("X-Forwarded-Host", context.Request.Host.ToUriComponent());
        return ValueTask.CompletedTask;

        void KeepOrSet(string name, string value)
        {
            var kept = RequestTransform.TakeHeader(step, name);
            Add(name, StringValues.IsNullOrEmpty(kept) ? value : kept);
        }

        void Add(string name, StringValues values)
        {
            if (!StringValues.IsNullOrEmpty(values))
            {
                RequestTransform.AddHeader(step, name, values);
            }
        }
    }

    /// <summary>Null where the peer has none: it came over a Unix socket.</summary>
    private static string? AddressOf(IPAddress? peer) =>
        // A socket for both versions shows IPv4 as IPv6.
        (peer?.IsIPv4MappedToIPv6 == true ? peer.MapToIPv4() : peer)?.ToString();
}
