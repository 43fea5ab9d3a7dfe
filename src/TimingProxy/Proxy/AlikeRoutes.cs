using Microsoft.AspNetCore.Routing.Patterns;
using Yarp.ReverseProxy.Configuration;

namespace TimingProxy.Proxy;

/// <summary>
/// Finds routes that routing cannot choose between: it fails a request that both match. Only what is certain is told. Patterns with
/// different constraints (<c>{a:int}</c>, <c>{b:long}</c>), or conditions that only some requests meet both of, are left to their author.
/// </summary>
internal static class AlikeRoutes
{
    /// <param name="routes">Each with a pattern that can be read.</param>
    public static IEnumerable<string> Errors(IEnumerable<RouteConfig> routes)
    {
        foreach (var sameOrder in routes.GroupBy(route => route.Order ?? 0).Where(group => group.Skip(1).Any()))
        {
            (RouteConfig Route, RoutePattern Pattern)[] all = [.. sameOrder.Select(route => (route, RoutePatternFactory.Parse(PathOf(route))))];
            for (int i = 0; i < all.Length; i++)
            {
                foreach (var (route, pattern) in all.Skip(i + 1))
                {
                    if (AreAlike(all[i].Pattern, pattern) && AreAlike(all[i].Route.Match, route.Match))
                    {
                        yield return $"ReverseProxy:Routes:{all[i].Route.RouteId}:Order = {sameOrder.Key}: route \"{route.RouteId}\" has the same and matches "
                            + $"the same requests ({PathOf(all[i].Route)} and {PathOf(route)}), each of which would fail; give one of the two another Order";
                    }
                }
            }
        }
    }

    // YARP's own stand-in where only hosts are given.
    private static string PathOf(RouteConfig route) => string.IsNullOrEmpty(route.Match.Path) ? ProxyConfigReader.CatchAll : route.Match.Path;

    /// <summary>Whether patterns differ in nothing but names of parameters and in what stands for one that is left out.</summary>
    private static bool AreAlike(RoutePattern one, RoutePattern two) =>
        one.PathSegments.Count == two.PathSegments.Count
        && one.PathSegments.Zip(two.PathSegments).All(pair =>
            pair.First.Parts.Count == pair.Second.Parts.Count && pair.First.Parts.Zip(pair.Second.Parts).All(parts => AreAlike(parts.First, parts.Second)));

    private static bool AreAlike(RoutePatternPart one, RoutePatternPart two) => (one, two) switch
    {
        (RoutePatternLiteralPart a, RoutePatternLiteralPart b) => a.Content.Equals(b.Content, StringComparison.OrdinalIgnoreCase),
        (RoutePatternSeparatorPart a, RoutePatternSeparatorPart b) => a.Content == b.Content,
        (RoutePatternParameterPart a, RoutePatternParameterPart b) => a.IsCatchAll == b.IsCatchAll && ConstraintsOf(a).SetEquals(ConstraintsOf(b)),
        _ => false,
    };

    private static HashSet<string?> ConstraintsOf(RoutePatternParameterPart parameter) => [.. parameter.ParameterPolicies.Select(policy => policy.Content)];

    /// <summary>
    /// Whether there are requests that meet the conditions of both. A route with methods, or hosts, goes before one without, and one with
    /// more conditions on headers, or on the query, before one with fewer.
    /// </summary>
    private static bool AreAlike(RouteMatch one, RouteMatch two) =>
        HaveOneInCommon(one.Methods, two.Methods, StringComparer.OrdinalIgnoreCase)
        // Hosts that differ only by case are steps of their own to routing, the first of which is taken.
        && HaveOneInCommon(one.Hosts, two.Hosts, StringComparer.Ordinal)
        && AreSame(one.Headers, two.Headers)
        && AreSame(one.QueryParameters, two.QueryParameters);

    private static bool HaveOneInCommon(IReadOnlyList<string>? one, IReadOnlyList<string>? two, StringComparer comparer) =>
        one is { Count: > 0 } && two is { Count: > 0 }
            ? one.Intersect(two, comparer).Any()
            : one is not { Count: > 0 } && two is not { Count: > 0 };

    private static bool AreSame<T>(IReadOnlyList<T>? one, IReadOnlyList<T>? two) =>
        (one?.Count ?? 0) == (two?.Count ?? 0) && new HashSet<T>(one ?? []).SetEquals(two ?? []);
}
