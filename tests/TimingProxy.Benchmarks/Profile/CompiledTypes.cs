using Mono.Cecil;

namespace TimingProxy.Benchmarks.Profile;

/// <summary>The types of all assemblies that the native compiler is given, found by the names that the runtime prints.</summary>
internal sealed class CompiledTypes
{
    private readonly Dictionary<string, List<TypeDefinition>> _types = new(StringComparer.Ordinal);
    private readonly ModuleDefinition _module;
    private readonly TypeReference _canon;

    /// <param name="responseFile">The compiler's, which lists the assemblies: the program's own, relative to <paramref name="project"/>, and references.</param>
    /// <param name="module">Into which what is found is imported.</param>
    public CompiledTypes(string responseFile, string project, ModuleDefinition module)
    {
        _module = module;
        // What stands for any class, in code that all classes share: in this assembly, which the compiler knows by its name.
        var scope = new AssemblyNameReference("System.Private.Canon", new Version(0, 0));
        module.AssemblyReferences.Add(scope);
        _canon = new TypeReference("System", "__Canon", module, scope);

        string[] files = [.. File.ReadLines(responseFile).SelectMany(line => Files(line, project)).Distinct(StringComparer.Ordinal)];
        using var resolver = new DefaultAssemblyResolver();
        foreach (string folder in files.Select(file => Path.GetDirectoryName(file)!).Distinct(StringComparer.Ordinal))
        {
            resolver.AddSearchDirectory(folder);
        }

        foreach (var type in files.SelectMany(file => Read(file, resolver)).SelectMany(read => read.GetTypes()))
        {
            string name = type.FullName.Replace('/', '+');
            (_types.TryGetValue(name, out var same) ? same : _types[name] = []).Add(type);
        }
    }

    /// <summary>The method that was used, and its type with its arguments; null where the compiler has none such.</summary>
    public (TypeReference Owner, MethodDefinition Method)? Find(MethodUsage usage)
    {
        // Names of methods have dots as well: of constructors, and of what implements an interface.
        foreach (int dot in DotsOutsideOfArguments(usage.Name))
        {
            string typeName = usage.Name[..dot];
            string methodName = usage.Name[(dot + 1)..];
            foreach (var definition in Definitions(typeName))
            {
                var methods = definition.Methods.Where(method => method.Name == methodName && method.HasBody && method.Body.CodeSize == usage.IlSize).ToArray();
                methods = methods.Length > 1 ? [.. methods.Where(method => MethodSignature.Fits(usage.Signature, method))] : methods;
                int at = 0;
                if (methods is [var only] && Parse(typeName, ref at, definition) is { } owner)
                {
                    return (owner, only);
                }
            }
        }

        return null;
    }

    /// <summary>A type by its name, or null where the compiler has none such: of the runtime that compiles in time alone.</summary>
    public TypeReference? Find(string name)
    {
        int at = 0;
        return Parse(name, ref at, definition: null);
    }

    /// <summary><c>Name[argument,argument]</c>, or <c>Name[[argument, assembly],[argument, assembly]], assembly</c>; either may be an array's.</summary>
    private TypeReference? Parse(string text, ref int at, TypeDefinition? definition)
    {
        int end = text.AsSpan(at).IndexOfAny("[],&*");
        string name = end < 0 ? text[at..] : text[at..(at + end)];
        at += name.Length;
        if (name == "System.__Canon")
        {
            return _canon;
        }

        definition ??= Definitions(name).FirstOrDefault();
        TypeReference? type = definition is null ? null : _module.ImportReference(definition);
        if (IsAt(text, at, '[') && !IsAt(text, at + 1, ']') && !IsAt(text, at + 1, ','))
        {
            var arguments = Arguments(text, ref at);
            if (type is not null && arguments.All(argument => argument is not null))
            {
                var instance = new GenericInstanceType(type);
                arguments.ForEach(argument => instance.GenericArguments.Add(argument));
                type = instance;
            }
            else
            {
                type = null;
            }
        }
        else if (definition?.HasGenericParameters == true)
        {
            return null;
        }

        for (; IsAt(text, at, '[') && IsAt(text, at + 1, ']'); at += 2)
        {
            type = type is null ? null : new ArrayType(type);
        }

        return type;
    }

    private List<TypeReference?> Arguments(string text, ref int at)
    {
        var arguments = new List<TypeReference?>();
        do
        {
            at++;
            bool isQualified = IsAt(text, at, '[');
            at += isQualified ? 1 : 0;
            arguments.Add(Parse(text, ref at, definition: null));
            if (isQualified)
            {
                at = text.IndexOf(']', at) + 1;
            }
        }
        while (IsAt(text, at, ','));

        at++;
        return arguments;
    }

    private List<TypeDefinition> Definitions(string typeName)
    {
        int arguments = typeName.IndexOf('[', StringComparison.Ordinal);
        return _types.GetValueOrDefault(arguments < 0 ? typeName : typeName[..arguments]) ?? [];
    }

    private static bool IsAt(string text, int at, char expected) => at < text.Length && text[at] == expected;

    private static IEnumerable<int> DotsOutsideOfArguments(string name)
    {
        int depth = 0;
        for (int at = name.Length - 1; at > 0; at--)
        {
            depth += name[at] switch { ']' => 1, '[' => -1, _ => 0 };
            if (name[at] == '.' && depth == 0 && name[at - 1] != '.')
            {
                yield return at;
            }
        }
    }

    private static IEnumerable<string> Files(string line, string project)
    {
        string? path = line.StartsWith("-r:", StringComparison.Ordinal) ? line[3..]
            : line.EndsWith(".dll", StringComparison.Ordinal) && !line.StartsWith('-') ? Path.Combine(project, line)
            : null;
        return path is null ? [] : path.Contains('*', StringComparison.Ordinal)
            ? Directory.EnumerateFiles(Path.GetDirectoryName(path)!, Path.GetFileName(path))
            : [path];
    }

    private static IEnumerable<ModuleDefinition> Read(string file, DefaultAssemblyResolver resolver)
    {
        try
        {
            return [ModuleDefinition.ReadModule(file, new ReaderParameters { AssemblyResolver = resolver })];
        }
        catch (BadImageFormatException)
        {
            // Native code among the references.
            return [];
        }
    }
}
