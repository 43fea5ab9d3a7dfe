namespace TimingProxy.Proxy;

/// <summary>What may stand at one place of the <c>ReverseProxy</c> section.</summary>
internal abstract record SectionPart
{
    /// <summary>One value.</summary>
    /// <param name="Fault">What is wrong with a text, with the mend; null where nothing is.</param>
    internal sealed record Value(Func<string, string?> Fault) : SectionPart;

    /// <summary>An array of values.</summary>
    /// <param name="Fault">Of each of them, as in <see cref="Value"/>.</param>
    internal sealed record Values(Func<string, string?> Fault) : SectionPart;

    /// <summary>An object or array of parts that are all alike.</summary>
    internal sealed record Each(SectionPart Entry) : SectionPart;

    /// <summary>An object of these keys and no others.</summary>
    internal sealed record Keys(params (string Name, SectionPart Part)[] All) : SectionPart
    {
        /// <summary>The key that a list would have for what is here the name of the object itself.</summary>
        public string? IdOfAList { get; init; }

        public SectionPart? Find(string name) => All.FirstOrDefault(key => key.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Part;
    }

    /// <summary>An object or array whose names are their owner's.</summary>
    internal sealed record Free : SectionPart;
}
