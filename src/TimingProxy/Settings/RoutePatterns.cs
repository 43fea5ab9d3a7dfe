using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Constraints;
using Microsoft.AspNetCore.Routing.Patterns;

namespace TimingProxy.Settings;

/// <summary>Says of a route pattern at once what routing would else say at the first request, and then at every one of any route.</summary>
internal static class RoutePatterns
{
    /// <summary>Knows the constraints (<c>{id:int}</c>) that routing knows; made only for those who declare patterns.</summary>
    private static readonly Lazy<ParameterPolicyFactory> Policies = new(() =>
        new ServiceCollection().AddLogging().AddRouting().BuildServiceProvider().GetRequiredService<ParameterPolicyFactory>());

    /// <summary>Of each kind that constraints tell apart, by type, size and length.</summary>
    private static readonly string[] Segments =
    [
        "0", "1", "7", "12", "100", "1000", "12345", "1000000", "-1", "1.5", "a", "ab", "abc", "abcd", "abcdefgh", "abcdefghijklmnopqrst", "a1", "a-b",
        "index.html", "true", "2020-01-01", "6e5b9c1c-1b1e-4b57-9c62-0d0e1f5e2a10",
    ];

    /// <returns><paramref name="text"/>, unchanged.</returns>
    /// <exception cref="FormatException">It is no pattern, or has a constraint that cannot be used.</exception>
    public static string Check(string text)
    {
        try
        {
            foreach (var parameter in RoutePatternFactory.Parse(text).Parameters)
            {
                foreach (var policy in parameter.ParameterPolicies)
                {
                    Check(parameter, policy);
                }
            }

            return text;
        }
        catch (Exception error) when (error is RoutePatternException or FormatException)
        {
            throw new FormatException($"\"{text}\" is not a route pattern: {error.Message.TrimEnd('.')}; write one like /articles/{{slug}} or /users/{{id:int}}");
        }
    }

    /// <summary>
    /// Whether one segment can meet the constraints of both parameters: by example, so that what is found is certain. What only other segments
    /// than these would meet, a date and a regular expression, say, is not found.
    /// </summary>
    /// <param name="one">Of a pattern that <see cref="Check(string)"/> takes, as <paramref name="two"/>.</param>
    public static bool HaveSegmentInCommon(RoutePatternParameterPart one, RoutePatternParameterPart two)
    {
        var constraints = ConstraintsOf(one).Concat(ConstraintsOf(two)).ToArray();
        return Segments.Any(segment => constraints.All(constraint =>
            constraint.Match(httpContext: null, route: null, one.Name, new RouteValueDictionary { [one.Name] = segment }, RouteDirection.IncomingRequest)));

        // They look for the value under the name that they are given.
        static IEnumerable<IRouteConstraint> ConstraintsOf(RoutePatternParameterPart parameter) =>
            parameter.ParameterPolicies.Select(policy => Policies.Value.Create(parameter, policy)).OfType<IRouteConstraint>();
    }

    private static void Check(RoutePatternParameterPart parameter, RoutePatternParameterPolicyReference policy)
    {
        try
        {
            if (Policies.Value.Create(parameter, policy) is RegexRouteConstraint regex)
            {
                // Compiled only when it is asked for.
                _ = regex.Constraint;
            }
        }
        catch (InvalidOperationException)
        {
            throw new FormatException($"there is no constraint \"{policy.Content}\"");
        }
        catch (Exception error) when (error is RouteCreationException or ArgumentException)
        {
            throw new FormatException($"constraint \"{policy.Content}\" cannot be used: {(error.InnerException ?? error).Message}");
        }
    }
}
