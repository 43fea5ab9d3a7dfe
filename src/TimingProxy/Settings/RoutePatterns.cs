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
