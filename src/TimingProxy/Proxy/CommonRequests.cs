using Yarp.ReverseProxy.Configuration;

namespace TimingProxy.Proxy;

/// <summary>
/// Whether one request can meet the conditions of two routes: by example, so that what is found is certain. Not found is what only a value that
/// stands in neither route would meet, or two values of one header at a time.
/// </summary>
internal static class CommonRequests
{
    private enum Mode
    {
        Exact,
        Prefix,
        Contains,
        NotContains,
        Exists,
        NotExists,
    }

    /// <summary>Values that stand for any other.</summary>
    private static readonly string[] AnyValues = ["1", "x"];

    public static bool AreThere(IEnumerable<RouteHeader> one, IEnumerable<RouteHeader> two) =>
        AreThere(one.Concat(two).Select(Condition.Of), value => !value.AsSpan().ContainsAny(",;\"") && value == value.Trim());

    public static bool AreThere(IEnumerable<RouteQueryParameter> one, IEnumerable<RouteQueryParameter> two) =>
        AreThere(one.Concat(two).Select(Condition.Of), _ => true);

    /// <param name="canBeSent">Whether a value comes to a route's condition as it is written there.</param>
    private static bool AreThere(IEnumerable<Condition> conditions, Func<string, bool> canBeSent) =>
        conditions.GroupBy(condition => condition.Name, StringComparer.OrdinalIgnoreCase).All(ofName =>
            ofName.SelectMany(condition => condition.Values).Where(canBeSent).Concat(AnyValues).Append(null)
                .Any(value => ofName.All(condition => condition.IsMetBy(value))));

    private sealed record Condition(string Name, Mode Mode, IReadOnlyList<string> Values, StringComparison Comparison)
    {
        public static Condition Of(RouteHeader header) => new(
            header.Name,
            header.Mode switch
            {
                HeaderMatchMode.ExactHeader => Mode.Exact,
                HeaderMatchMode.HeaderPrefix => Mode.Prefix,
                HeaderMatchMode.Contains => Mode.Contains,
                HeaderMatchMode.NotContains => Mode.NotContains,
                HeaderMatchMode.NotExists => Mode.NotExists,
                _ => Mode.Exists,
            },
            header.Values ?? [],
            ComparisonOf(header.IsCaseSensitive));

        public static Condition Of(RouteQueryParameter parameter) => new(
            parameter.Name,
            parameter.Mode switch
            {
                QueryParameterMatchMode.Exact => Mode.Exact,
                QueryParameterMatchMode.Prefix => Mode.Prefix,
                QueryParameterMatchMode.Contains => Mode.Contains,
                QueryParameterMatchMode.NotContains => Mode.NotContains,
                _ => Mode.Exists,
            },
            parameter.Values ?? [],
            ComparisonOf(parameter.IsCaseSensitive));

        /// <param name="value">Null where it is not sent.</param>
        public bool IsMetBy(string? value) => Mode switch
        {
            Mode.NotExists => value is null,
            Mode.NotContains => value is null || !Values.Any(one => value.Contains(one, Comparison)),
            _ when value is null => false,
            Mode.Exact => Values.Any(one => value.Equals(one, Comparison)),
            Mode.Prefix => Values.Any(one => value.StartsWith(one, Comparison)),
            Mode.Contains => Values.Any(one => value.Contains(one, Comparison)),
            _ => true,
        };

        private static StringComparison ComparisonOf(bool isCaseSensitive) => isCaseSensitive ? StringComparison.Ordinal : StringComparison.OrdinalIgnoreCase;
    }
}
