using System.Globalization;

namespace TimingProxy.Benchmarks.Profile;

/// <summary>One kind of thing that the runtime has counted at one place of a method, as it names them (<c>corjit.h</c>).</summary>
/// <param name="Kind">What was counted, and in which form its values are.</param>
/// <param name="IlOffset">Where, in bytes of the method's IL.</param>
/// <param name="Other">Of a branch, where it goes.</param>
/// <param name="Values">Numbers, or names of types.</param>
internal sealed record UsageCounter(int Kind, int IlOffset, int Other, string[] Values)
{
    public const string Nothing = "NULL";

    private const int FormOfKind = 0xF;
    private const int HistogramOfHandles = (2 << 6) | 0x31;

    /// <summary>How often something was met; the counter that follows says what.</summary>
    public bool IsCountOfHandles => Kind == HistogramOfHandles;

    public bool IsOfTypes => (Kind & FormOfKind) == 3;

    public bool IsOfNumbers => (Kind & FormOfKind) is 1 or 2;

    /// <summary>Whether it says anything; of a count, that something was never done says much.</summary>
    public bool IsEmpty => !IsOfNumbers && Values.All(value => value == Nothing);
}

/// <summary>How a method was used while the runtime counted: which way its branches went, and on which types its calls.</summary>
/// <param name="Name">With its type, whose arguments are given without their assemblies.</param>
/// <param name="Signature">By which methods of one name are told apart.</param>
/// <param name="IlSize">In bytes.</param>
internal sealed record MethodUsage(string Name, string Signature, int IlSize, IReadOnlyList<UsageCounter> Counters)
{
    public bool IsGeneric => Signature.Contains("generic ", StringComparison.Ordinal);

    public bool WasUsed => Counters.Any(counter => counter.IsOfNumbers && counter.Values.Any(value => value != "0"));

    /// <summary>Reads what the runtime writes when it ends and <c>DOTNET_WritePGOData</c> is set.</summary>
    public static IEnumerable<MethodUsage> Read(string file)
    {
        string[] lines = File.ReadAllLines(file);
        int at = Array.FindIndex(lines, IsBegin);
        while (at >= 0 && at < lines.Length && IsBegin(lines[at]))
        {
            int size = Convert.ToInt32(Word(lines[at], "ilSize"), 16);
            string name = After(lines[at + 1], "MethodName: ");
            string signature = After(lines[at + 2], "Signature: ");
            var counters = new List<UsageCounter>();
            for (at += 3; at < lines.Length && !IsBegin(lines[at]);)
            {
                if (!lines[at].StartsWith("Schema ", StringComparison.Ordinal))
                {
                    at++;
                    continue;
                }

                string schema = lines[at];
                int count = Number(schema, "Count");
                string[] values = [.. lines[(at + 1)..(at + 1 + count)].Select(Value)];
                int other = unchecked((int)uint.Parse(Word(schema, "Other"), CultureInfo.InvariantCulture));
                counters.Add(new UsageCounter(Number(schema, "InstrumentationKind"), Number(schema, "ILOffset"), other, values));
                at += 1 + count;
            }

            yield return new MethodUsage(name, signature, size, counters);
        }
    }

    /// <summary>A number, or the name in <c>TypeHandle: name</c>.</summary>
    private static string Value(string line)
    {
        const string Handle = "Handle: ";
        int handle = line.IndexOf(Handle, StringComparison.Ordinal);
        return handle < 0 ? line : line[(handle + Handle.Length)..];
    }

    private static bool IsBegin(string line) => line.StartsWith("@@@ ", StringComparison.Ordinal);

    private static int Number(string line, string name) => int.Parse(Word(line, name), CultureInfo.InvariantCulture);

    /// <summary>The word that follows a name.</summary>
    private static string Word(string line, string name)
    {
        string rest = line[(line.IndexOf(name + " ", StringComparison.Ordinal) + name.Length + 1)..];
        int end = rest.IndexOf(' ', StringComparison.Ordinal);
        return end < 0 ? rest : rest[..end];
    }

    private static string After(string line, string prefix) => line.StartsWith(prefix, StringComparison.Ordinal)
        ? line[prefix.Length..]
        : throw new InvalidDataException($"\"{line}\" does not begin with \"{prefix}\": the runtime writes its counts in another form.");
}
