using System.Buffers;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace TimingProxy.Hosting;

/// <summary>
/// HTTP/2 with prior knowledge beside HTTP/1.1 on one plain port. Kestrel chooses HTTP/2 only by ALPN, so a connection that opens with the
/// HTTP/2 preface (RFC 9113 section 3.4) is given the features of one that has negotiated it.
/// </summary>
internal static class PriorKnowledgeHttp2
{
    /// <summary>
    /// An opened connection on which nothing comes is closed after this long: what Kestrel gives a request's head. Its own timers, that one and
    /// the 130 s of a connection that lies idle, begin only behind this.
    /// </summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    // No HTTP/1 method begins so.
    private static ReadOnlySpan<byte> Preface => "PRI "u8;

    public static ConnectionDelegate Detect(ConnectionDelegate next) => async connection =>
    {
        if (await OpensWithPrefaceAsync(connection) is not { } isHttp2)
        {
            return;
        }

        if (isHttp2)
        {
            connection.Features.Set<ITlsApplicationProtocolFeature>(NegotiatedHttp2.Instance);
            connection.Features.Set<ITlsConnectionFeature>(NegotiatedHttp2.Instance);
        }

        await next(connection);
    };

    /// <summary>Looks at the first bytes and leaves them in place; null where the connection ended before it said anything.</summary>
    private static async ValueTask<bool?> OpensWithPrefaceAsync(ConnectionContext connection)
    {
        var input = connection.Transport.Input;
        using var impatience = CancellationTokenSource.CreateLinkedTokenSource(
            connection.ConnectionClosed,
            connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested ?? CancellationToken.None);
        impatience.CancelAfter(Patience);
        try
        {
            while (true)
            {
                var read = await input.ReadAsync(impatience.Token);
                var buffer = read.Buffer;
                bool? answer = Compare(buffer);
                input.AdvanceTo(buffer.Start, answer is null ? buffer.End : buffer.Start);
                if (answer is not null)
                {
                    return answer;
                }

                if (read.IsCompleted)
                {
                    return buffer.IsEmpty ? null : false;
                }
            }
        }
        catch (Exception error) when (error is OperationCanceledException or ConnectionResetException or ConnectionAbortedException)
        {
            return null;
        }
    }

    private static bool? Compare(ReadOnlySequence<byte> buffer)
    {
        Span<byte> head = stackalloc byte[Preface.Length];
        int length = (int)Math.Min(buffer.Length, head.Length);
        buffer.Slice(0, length).CopyTo(head);
        if (!Preface.StartsWith(head[..length]))
        {
            return false;
        }

        return length == Preface.Length ? true : null;
    }

    private sealed class NegotiatedHttp2 : ITlsApplicationProtocolFeature, ITlsConnectionFeature
    {
        public static readonly NegotiatedHttp2 Instance = new();

        public ReadOnlyMemory<byte> ApplicationProtocol => SslApplicationProtocol.Http2.Protocol;

        public X509Certificate2? ClientCertificate { get; set; }

        public Task<X509Certificate2?> GetClientCertificateAsync(CancellationToken cancellationToken) =>
            Task.FromResult<X509Certificate2?>(null);
    }
}
