namespace TimingProxy.Routes;

/// <summary>
/// A segment in the tree of learned paths. Its children are read without a lock and replaced, whole, under the tree's; answers are counted
/// by atomics.
/// </summary>
internal sealed class RouteNode(string segment, RouteNode? parent)
{
    /// <summary>Stands for numbers, UUIDs, hashes and the like.</summary>
    public const string Value = "{id}";

    /// <summary>Stands for more words than a node remembers.</summary>
    public const string Any = "{*}";

    private volatile RouteNode[] _children = [];
    private volatile string? _template;
    private long _answers;

    public string Segment => segment;

    public RouteNode[] Children
    {
        get => _children;
        set => _children = value;
    }

    /// <summary>Good answers that ended here.</summary>
    public long Answers => Volatile.Read(ref _answers);

    /// <summary>Whether the insight page shows it; the page has room for so many.</summary>
    public bool IsOnPage { get; set; }

    /// <summary>Whether it was taken out of the tree; one that walked by just before may still count it.</summary>
    public bool IsGone { get; set; }

    /// <summary>The path that leads here, as a label.</summary>
    public string Template => _template ??= parent is null ? "" : $"{parent.Template}/{segment}";

    public int Words => _children.Count(child => child.Segment is not (Value or Any));

    public RouteNode? Child(ReadOnlySpan<char> name)
    {
        foreach (var child in _children)
        {
            if (name.SequenceEqual(child.Segment))
            {
                return child;
            }
        }

        return null;
    }

    /// <summary>The child of that very name, and not one that stands for many.</summary>
    public RouteNode? Word(ReadOnlySpan<char> name) => name is ['{', ..] ? null : Child(name);

    public long CountAnswers(long more) => Interlocked.Add(ref _answers, more);

    public IEnumerable<RouteNode> SelfAndBelow() => _children.SelectMany(child => child.SelfAndBelow()).Prepend(this);

    /// <summary>Nodes from here on, this one included.</summary>
    public int Size()
    {
        int size = 1;
        foreach (var child in _children)
        {
            size += child.Size();
        }

        return size;
    }
}
