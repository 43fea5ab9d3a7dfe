using System.Globalization;
using System.IO.Compression;
using Mono.Cecil;
using Mono.Cecil.Cil;

namespace TimingProxy.Benchmarks.Profile;

/// <summary>
/// Writes what the runtime that compiles in time has counted as a profile that the native compiler reads (<c>.mibc</c>): an assembly that is never run,
/// zipped. Its code lists, for each method, its token and then numbers and types, as instructions that push constants.
/// </summary>
internal sealed class CompilerProfile
{
    private readonly AssemblyDefinition _assembly;
    private readonly CompiledTypes _types;
    private readonly SortedDictionary<string, ILProcessor> _groups = new(StringComparer.Ordinal);
    private int _methods;

    private CompilerProfile(string responseFile, string project)
    {
        _assembly = AssemblyDefinition.CreateAssembly(new AssemblyNameDefinition("usage", new Version(0, 0)), "usage", ModuleKind.Dll);
        _types = new CompiledTypes(responseFile, project, _assembly.MainModule);
    }

    /// <summary>Writes the profile of one program.</summary>
    /// <param name="usage">What the runtime has written.</param>
    /// <param name="responseFile">The native compiler's, of the same program.</param>
    /// <param name="project">The folder of its project.</param>
    /// <returns>The number of methods in it.</returns>
    public static int Write(string usage, string responseFile, string project, string file)
    {
        var profile = new CompilerProfile(responseFile, project);
        // Of a generic method the runtime does not say what it was used with.
        foreach (var method in MethodUsage.Read(usage).Where(method => method.WasUsed && !method.IsGeneric))
        {
            profile.Add(method);
        }

        profile.Save(file);
        return profile._methods;
    }

    private void Add(MethodUsage usage)
    {
        if (_types.Find(usage) is not var (owner, method))
        {
            return;
        }

        // The group of all methods of an assembly; the rest of its name would be those of their arguments.
        string group = method.DeclaringType.Module.Assembly.Name.Name + ";";
        var code = _groups.TryGetValue(group, out var known) ? known : _groups[group] = Method($"Assemblies_{group}");
        code.Emit(OpCodes.Ldtoken, Reference(owner, method));
        code.Emit(OpCodes.Ldstr, "InstrumentationDataStart");
        for (int i = 0; i < usage.Counters.Count; i++)
        {
            var counter = usage.Counters[i];
            if (counter.IsCountOfHandles && usage.Counters[i + 1] is { IsEmpty: true } or { IsOfTypes: false })
            {
                // Nothing was met, or delegates, whose methods are not looked up: the count and what it is of.
                i++;
                continue;
            }

            Add(code, counter);
        }

        code.Emit(OpCodes.Ldstr, "InstrumentationDataEnd");
        code.Emit(OpCodes.Pop);
        _methods++;
    }

    private void Add(ILProcessor code, UsageCounter counter)
    {
        // What follows is all four of these, and not only those that have changed.
        const int All = 0xF;
        foreach (int number in (ReadOnlySpan<int>)[All, counter.IlOffset, counter.Kind, counter.Values.Length, counter.Other])
        {
            code.Emit(OpCodes.Ldc_I4, number);
        }

        foreach (string value in counter.Values)
        {
            if (counter.IsOfNumbers)
            {
                Add(code, value);
            }
            else if (value == UsageCounter.Nothing)
            {
                code.Emit(OpCodes.Ldc_I4_0);
            }
            else if (_types.Find(value) is { } type)
            {
                code.Emit(OpCodes.Ldtoken, type);
            }
            else
            {
                // Some type, but none that the compiler has.
                code.Emit(OpCodes.Ldc_I4_1);
            }
        }
    }

    /// <param name="number">Of 64 bits in two halves, the lower one first.</param>
    private static void Add(ILProcessor code, string number)
    {
        long[] halves = [.. number.Split(' ').Select(half => long.Parse(half, CultureInfo.InvariantCulture))];
        long value = halves.Length == 1 ? halves[0] : (halves[1] << 32) | halves[0];
        if (value is >= int.MinValue and <= int.MaxValue)
        {
            code.Emit(OpCodes.Ldc_I4, (int)value);
        }
        else
        {
            code.Emit(OpCodes.Ldc_I8, value);
        }
    }

    private MethodReference Reference(TypeReference owner, MethodDefinition method)
    {
        var reference = _assembly.MainModule.ImportReference(method);
        if (owner is not GenericInstanceType)
        {
            return reference;
        }

        var ofInstance = new MethodReference(reference.Name, reference.ReturnType, owner)
        {
            HasThis = reference.HasThis,
            ExplicitThis = reference.ExplicitThis,
            CallingConvention = reference.CallingConvention,
        };
        foreach (var parameter in reference.Parameters)
        {
            ofInstance.Parameters.Add(new ParameterDefinition(parameter.ParameterType));
        }

        return ofInstance;
    }

    private void Save(string file)
    {
        var groups = Method("AssemblyDictionary");
        foreach (var (name, code) in _groups)
        {
            code.Emit(OpCodes.Ret);
            groups.Emit(OpCodes.Ldstr, name);
            groups.Emit(OpCodes.Ldtoken, code.Body.Method);
            groups.Emit(OpCodes.Pop);
        }

        groups.Emit(OpCodes.Ret);
        using var plain = new MemoryStream();
        _assembly.Write(plain, new WriterParameters { DeterministicMvid = true, Timestamp = 0 });
        plain.Position = 0;

        using var zip = new ZipArchive(File.Create(file), ZipArchiveMode.Create);
        var entry = zip.CreateEntry(Path.GetFileName(file) + ".dll", CompressionLevel.SmallestSize);
        // Of equal counts, an equal file.
        entry.LastWriteTime = new DateTimeOffset(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);
        using var content = entry.Open();
        plain.CopyTo(content);
    }

    private ILProcessor Method(string name)
    {
        var method = new MethodDefinition(name, MethodAttributes.Public | MethodAttributes.Static, _assembly.MainModule.TypeSystem.Void);
        _assembly.MainModule.GetType("<Module>").Methods.Add(method);
        return method.Body.GetILProcessor();
    }
}
