using Microsoft.AspNetCore.Routing.Patterns;
using TimingProxy.Settings;
using Yarp.ReverseProxy.Configuration;

namespace TimingProxy.Proxy;

/// <summary>
/// Finds routes that routing cannot choose between: it fails a request that both match. Only what is certain is told. Left to their author are
/// segments of several parts that differ (<c>{a}.{b}</c>, <c>{c}-{d}</c>), and conditions and constraints for which no request is found that meets both.
/// </summary>
internal static class AlikeRoutes
{
    /// <param name="routes">Each with a pattern that can be read.</param>
    public static IEnumerable<string> Errors(IEnumerable<RouteConfig> routes)
    {
        Candidate[] all = [.. routes.Select(route => new Candidate(route, RoutePatternFactory.Parse(PathOf(route))))];
        foreach (var sameOrder in all.GroupBy(one => one.Order).Where(group => group.Skip(1).Any()))
        {
            Candidate[] some = [.. sameOrder];
            for (int i = 0; i < some.Length; i++)
            {
                foreach (var other in some.Skip(i + 1))
                {
                    if (AreAlike(some[i], other) && !all.Any(third => GoesBefore(third, some[i], other)))
                    {
                        yield return $"ReverseProxy:Routes:{some[i].Route.RouteId}:Order = {sameOrder.Key}: route \"{other.Route.RouteId}\" has the same and matches "
                            + $"the same requests ({PathOf(some[i].Route)} and {PathOf(other.Route)}), each of which would fail; give one of the two another Order";
                    }
                }
            }
        }
    }

    private static bool AreAlike(Candidate one, Candidate two) => AreAlike(one.Pattern, two.Pattern) && AreAlike(one.Route.Match, two.Route.Match);

    /// <summary>
    /// Whether a third route may take the requests that two others match, as one with the conditions of both does. Of its hosts and methods nothing
    /// is asked: rather one pair is not told than one is called wrong that is right.
    /// </summary>
    private static bool GoesBefore(Candidate third, Candidate one, Candidate two)
    {
        var (match, first, second) = (third.Route.Match, one.Route.Match, two.Route.Match);
        if (AreSame(first.Headers, second.Headers) && AreSame(first.QueryParameters, second.QueryParameters) && AreSame(one.Pattern, two.Pattern))
        {
            // Two that are written alike are a slip, whatever else there is.
            return false;
        }

        bool isBefore = third.Order < one.Order
            || (third.Order == one.Order && Conditions(match).CompareTo(Conditions(first)) > 0);
        bool isWithin = (match.Headers ?? []).All(condition => Contains(first.Headers, condition) || Contains(second.Headers, condition))
            && (match.QueryParameters ?? []).All(condition => Contains(first.QueryParameters, condition) || Contains(second.QueryParameters, condition));
        return isBefore && isWithin && (AreAlike(third.Pattern, one.Pattern) || third.Pattern.PathSegments is [{ Parts: [RoutePatternParameterPart { IsCatchAll: true }] }]);

        static (int Headers, int QueryParameters) Conditions(RouteMatch match) => (CountOf(match.Headers), CountOf(match.QueryParameters));

        static bool Contains<T>(IReadOnlyList<T>? conditions, T condition) => conditions?.Contains(condition) == true;
    }

    // YARP's own stand-in where only hosts are given.
    private static string PathOf(RouteConfig route) => string.IsNullOrEmpty(route.Match.Path) ? ProxyConfigReader.CatchAll : route.Match.Path;

    /// <summary>Whether there are paths that both match, and match as well as the other.</summary>
    private static bool AreAlike(RoutePattern one, RoutePattern two) => Compare(one, two, AreAlike);

    /// <summary>Whether patterns differ in nothing but names of parameters and in what stands for one that is left out.</summary>
    private static bool AreSame(RoutePattern one, RoutePattern two) => Compare(one, two, (first, second) => HaveSameConstraints(first, second));

    private static bool Compare(RoutePattern one, RoutePattern two, Func<RoutePatternParameterPart, RoutePatternParameterPart, bool> ofSegment) =>
        one.PathSegments.Count == two.PathSegments.Count
        && one.PathSegments.Zip(two.PathSegments).All(pair => (pair.First.Parts, pair.Second.Parts) is ([RoutePatternParameterPart first], [RoutePatternParameterPart second])
            ? first.IsCatchAll == second.IsCatchAll && ofSegment(first, second)
            : pair.First.Parts.Count == pair.Second.Parts.Count && pair.First.Parts.Zip(pair.Second.Parts).All(parts => AreSame(parts.First, parts.Second)));

    private static bool AreSame(RoutePatternPart one, RoutePatternPart two) => (one, two) switch
    {
        (RoutePatternLiteralPart a, RoutePatternLiteralPart b) => a.Content.Equals(b.Content, StringComparison.OrdinalIgnoreCase),
        (RoutePatternSeparatorPart a, RoutePatternSeparatorPart b) => a.Content == b.Content,
        (RoutePatternParameterPart a, RoutePatternParameterPart b) => a.IsCatchAll == b.IsCatchAll && HaveSameConstraints(a, b),
        _ => false,
    };

    /// <summary>One with a constraint goes before one without.</summary>
    private static bool AreAlike(RoutePatternParameterPart one, RoutePatternParameterPart two) =>
        HaveSameConstraints(one, two)
        || (one.ParameterPolicies.Count != 0 && two.ParameterPolicies.Count != 0 && RoutePatterns.HaveSegmentInCommon(one, two));

    private static bool HaveSameConstraints(RoutePatternParameterPart one, RoutePatternParameterPart two) => ConstraintsOf(one).SetEquals(ConstraintsOf(two));

    private static HashSet<string?> ConstraintsOf(RoutePatternParameterPart parameter) => [.. parameter.ParameterPolicies.Select(policy => policy.Content)];

    /// <summary>
    /// Whether there are requests that meet the conditions of both. A route with methods, or hosts, goes before one without, and one with
    /// more conditions on headers, or on the query, before one with fewer.
    /// </summary>
    private static bool AreAlike(RouteMatch one, RouteMatch two) =>
        HaveOneInCommon(one.Methods, two.Methods, StringComparer.OrdinalIgnoreCase)
        // Hosts that differ only by case are steps of their own to routing, the first of which is taken.
        && HaveOneInCommon(one.Hosts, two.Hosts, StringComparer.Ordinal)
        && (AreSame(one.Headers, two.Headers) || (CountOf(one.Headers) == CountOf(two.Headers) && CommonRequests.AreThere(one.Headers!, two.Headers!)))
        && (AreSame(one.QueryParameters, two.QueryParameters)
            || (CountOf(one.QueryParameters) == CountOf(two.QueryParameters) && CommonRequests.AreThere(one.QueryParameters!, two.QueryParameters!)));

    private static bool HaveOneInCommon(IReadOnlyList<string>? one, IReadOnlyList<string>? two, StringComparer comparer) =>
        one is { Count: > 0 } && two is { Count: > 0 }
            ? one.Intersect(two, comparer).Any()
            : one is not { Count: > 0 } && two is not { Count: > 0 };

    private static bool AreSame<T>(IReadOnlyList<T>? one, IReadOnlyList<T>? two) =>
        CountOf(one) == CountOf(two) && new HashSet<T>(one ?? []).SetEquals(two ?? []);

    private static int CountOf<T>(IReadOnlyList<T>? conditions) => conditions?.Count ?? 0;

    private sealed record Candidate(RouteConfig Route, RoutePattern Pattern)
    {
        public int Order => Route.Order ?? 0;
    }
}
