using Mono.Cecil;

namespace TimingProxy.Benchmarks.Profile;

/// <summary>Signatures as the runtime prints them: <c>instance void  (class System.String,int32,!0&amp;)</c>.</summary>
internal static class MethodSignature
{
    private static readonly Dictionary<string, string> Primitives = new(StringComparer.Ordinal)
    {
        ["bool"] = "Boolean",
        ["wchar"] = "Char",
        ["int8"] = "SByte",
        ["unsigned int8"] = "Byte",
        ["int16"] = "Int16",
        ["unsigned int16"] = "UInt16",
        ["int32"] = "Int32",
        ["unsigned int32"] = "UInt32",
        ["int64"] = "Int64",
        ["unsigned int64"] = "UInt64",
        ["float32"] = "Single",
        ["float64"] = "Double",
    };

    /// <summary>Whether a method may be meant: its parameters are as many, and of types that are called so.</summary>
    public static bool Fits(string signature, MethodDefinition method)
    {
        string[] parameters = Parameters(signature);
        return method.HasThis == signature.StartsWith("instance ", StringComparison.Ordinal)
            && method.Parameters.Count == parameters.Length
            && method.Parameters.Zip(parameters).All(pair => Simple(pair.Second) == Simple(pair.First.ParameterType.FullName));
    }

    /// <summary>The last part of a type's name, with what makes it another type: <c>Span`1</c>, <c>Byte[]</c>, <c>String&amp;</c>.</summary>
    private static string Simple(string type)
    {
        string name = type.Replace("value class ", "", StringComparison.Ordinal).Replace("class ", "", StringComparison.Ordinal);
        string end = name.EndsWith('&') ? "&" : name.EndsWith("[]", StringComparison.Ordinal) ? "[]" : "";
        int arguments = name.IndexOf('<', StringComparison.Ordinal);
        name = arguments < 0 ? name[..^end.Length] : name[..arguments];
        return (Primitives.GetValueOrDefault(name) ?? name[(name.LastIndexOfAny(['.', '+', '/']) + 1)..]) + end;
    }

    private static string[] Parameters(string signature)
    {
        string list = signature[(signature.IndexOf('(', StringComparison.Ordinal) + 1)..signature.LastIndexOf(')')];
        var parameters = new List<string>();
        int depth = 0;
        int begin = 0;
        for (int at = 0; at < list.Length; at++)
        {
            depth += list[at] switch { '<' or '[' or '(' => 1, '>' or ']' or ')' => -1, _ => 0 };
            if (list[at] == ',' && depth == 0)
            {
                parameters.Add(list[begin..at]);
                begin = at + 1;
            }
        }

        return list.Length == 0 ? [] : [.. parameters, list[begin..]];
    }
}
