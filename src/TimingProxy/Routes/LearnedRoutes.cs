namespace TimingProxy.Routes;

/// <summary>
/// Learns route templates from the paths that are answered well. Bounded whatever comes in: a node remembers ten words and then takes all
/// for one, a path counts to a certain depth, the tree has so many nodes and forgets the least used when it is full, and only 2xx and 304
/// add to it, so that scans leave nothing.
/// </summary>
/// <remarks>
/// Known paths are walked without a lock. A path that adds to the tree takes one; the rare long work under it, collapsing a node and making
/// room, is paid for by the many additions that led there.
/// </remarks>
/// <param name="pageRoutes">Templates that the insight page has room for.</param>
/// <param name="isLabel">Whether a template is in use for good, as a label of the metrics; of no more than as many it may be true.</param>
internal sealed class LearnedRoutes(int pageRoutes, Func<string, bool>? isLabel = null)
{
    /// <summary>Good answers before a template is believed.</summary>
    public const int AnswersToAdmit = 20;

    private const int MaxWords = 10;
    private const int MaxDepth = 8;

    // What is shown and its parents are kept whatever happens, and must leave room for candidates.
    private readonly int _maxNodes = (int)Math.Clamp(4L * MaxDepth * pageRoutes, 4_000, int.MaxValue / 2);
    private readonly Lock _changing = new();
    private readonly RouteNode _root = new("", parent: null);
    private readonly List<RouteNode> _page = [];
    private int _nodes;
    private long _leastOnPage;

    /// <summary>Nodes of the tree, its root not counted.</summary>
    public int Nodes => Volatile.Read(ref _nodes);

    /// <summary>Finds the template of a path, and learns from it where the answer was good.</summary>
    /// <returns>The template where it is believed, and whether the page has room for it; null where it is not (yet).</returns>
    public (string Template, bool IsOnPage)? Observe(ReadOnlySpan<char> path, bool isGoodAnswer)
    {
        if (path.IsEmpty || path[0] != '/' || Walk(path, isGoodAnswer) is not { } node)
        {
            return null;
        }

        long answers = isGoodAnswer ? node.CountAnswers(1) : node.Answers;
        if (answers < AnswersToAdmit)
        {
            return null;
        }

        // The least used one on the page was used that often when last looked at, and more since: who has less need not take the lock.
        if (isGoodAnswer && !node.IsOnPage && answers > Volatile.Read(ref _leastOnPage))
        {
            TakePlaceOnPage(node);
        }

        return (node.Template, node.IsOnPage);
    }

    private RouteNode? Walk(ReadOnlySpan<char> path, bool mayAdd)
    {
        var node = _root;
        int depth = 0;
        var rest = path[1..];
        while (true)
        {
            int slash = rest.IndexOf('/');
            bool isLast = slash < 0 || depth == MaxDepth - 1;
            var segment = slash < 0 ? rest : rest[..slash];
            bool isRest = isLast && slash >= 0;
            // What is known as a word was once looked at, and is no value.
            var child = isRest ? null : node.Word(segment);
            if (child is null)
            {
                string? kind = isRest ? RouteNode.Any : SegmentShape.IsValue(segment) ? RouteNode.Value : null;
                child = node.Child(kind ?? RouteNode.Any);
                if (child is null)
                {
                    child = mayAdd ? Add(node, kind ?? segment.ToString()) : null;
                }
            }

            if (child is null || isLast)
            {
                return child;
            }

            node = child;
            rest = rest[(slash + 1)..];
            depth++;
        }
    }

    private RouteNode? Add(RouteNode parent, string segment)
    {
        lock (_changing)
        {
            if ((parent.Child(segment) ?? parent.Child(RouteNode.Any)) is { } known && (known.Segment == segment || segment != RouteNode.Value))
            {
                return known;
            }

            if (_nodes >= _maxNodes)
            {
                ForgetLeastUsed();
            }

            if (parent.IsGone)
            {
                return null;
            }

            bool isWord = segment is not (RouteNode.Value or RouteNode.Any);
            if (isWord && parent.Words >= MaxWords)
            {
                return Collapse(parent);
            }

            var child = new RouteNode(segment, parent);
            parent.Children = [.. parent.Children, child];
            _nodes++;
            return child;
        }
    }

    /// <summary>One word too many: all words of a node become one, with everything below them.</summary>
    private RouteNode Collapse(RouteNode parent)
    {
        var words = parent.Children.Where(child => child.Segment != RouteNode.Value).ToArray();
        var any = Merge(RouteNode.Any, parent, words);
        foreach (var word in words)
        {
            Forget(word);
        }

        parent.Children = [.. parent.Children.Except(words), any];
        _nodes += any.Size();
        return any;
    }

    private void Forget(RouteNode branch)
    {
        foreach (var node in branch.SelfAndBelow())
        {
            node.IsGone = true;
            _nodes--;
            if (node.IsOnPage)
            {
                node.IsOnPage = false;
                _page.Remove(node);
                Volatile.Write(ref _leastOnPage, 0);
            }
        }
    }

    private static RouteNode Merge(string segment, RouteNode parent, IEnumerable<RouteNode> nodes)
    {
        var merged = new RouteNode(segment, parent);
        merged.CountAnswers(nodes.Sum(node => node.Answers));
        var groups = nodes.SelectMany(node => node.Children).GroupBy(child => child.Segment).ToArray();
        int words = groups.Count(group => group.Key is not (RouteNode.Value or RouteNode.Any));
        var byName = words <= MaxWords
            ? groups.Select(group => (group.Key, Nodes: group.AsEnumerable()))
            : groups.GroupBy(group => group.Key == RouteNode.Value ? RouteNode.Value : RouteNode.Any)
                .Select(kind => (kind.Key, Nodes: kind.SelectMany(group => group)));
        merged.Children = [.. byName.Select(group => Merge(group.Key, merged, group.Nodes))];
        return merged;
    }

    /// <summary>
    /// Drops branches in which nothing is believed yet, and then those used least, until a quarter of the tree is free. What is shown stays.
    /// </summary>
    private void ForgetLeastUsed()
    {
        for (long enough = AnswersToAdmit; _nodes > _maxNodes / 4 * 3; enough *= 2)
        {
            Prune(_root, enough);
        }
    }

    private void Prune(RouteNode node, long enough)
    {
        int before = _nodes;
        foreach (var child in node.Children)
        {
            Prune(child, enough);
            if (child.Children.Length == 0 && child.Answers < enough && !child.IsOnPage && isLabel?.Invoke(child.Template) != true)
            {
                child.IsGone = true;
                _nodes--;
            }
        }

        if (_nodes != before)
        {
            node.Children = Array.FindAll(node.Children, static child => !child.IsGone);
        }
    }

    /// <summary>The page shows so many; the least used one makes room, if it is used less.</summary>
    private void TakePlaceOnPage(RouteNode node)
    {
        lock (_changing)
        {
            if (node.IsOnPage || node.IsGone)
            {
                return;
            }

            if (_page.Count >= pageRoutes)
            {
                var least = _page.MinBy(shown => shown.Answers)!;
                Volatile.Write(ref _leastOnPage, least.Answers);
                if (least.Answers >= node.Answers)
                {
                    return;
                }

                least.IsOnPage = false;
                _page.Remove(least);
            }

            node.IsOnPage = true;
            _page.Add(node);
        }
    }
}
