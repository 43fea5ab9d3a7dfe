using System.Collections.Concurrent;
using TimingProxy.Timing;

namespace TimingProxy.Metrics;

/// <summary>
/// The label sets of one histogram: each made once, at most <paramref name="limit"/> of them. What comes after shares one set in which
/// every label is <c>_other</c>, and is counted. Reading takes no lock.
/// </summary>
/// <param name="limit">Label sets in all, the shared one included.</param>
/// <param name="names">Label names, in the order in which <paramref name="values"/> gives their values.</param>
internal sealed class SeriesLimiter<TKey>(int limit, string[] names, Func<TKey, object[]> values, Action overflowed)
    where TKey : notnull
{
    private readonly ConcurrentDictionary<TKey, Known> _sets = new();
    private readonly KeyValuePair<string, object?>[] _other = [.. names.Select(name => KeyValuePair.Create(name, (object?)RequestTiming.Other))];
    private readonly Lock _adding = new();
    private volatile bool _isFull = limit <= 1;

    // Mostly one request is like the one before it, and to compare is less than to hash.
    private volatile Known? _last;

    public ReadOnlySpan<KeyValuePair<string, object?>> Of(TKey key)
    {
        if (_last is { } last && EqualityComparer<TKey>.Default.Equals(last.Key, key))
        {
            return last.Set;
        }

        if (!_sets.TryGetValue(key, out var known))
        {
            return Add(key);
        }

        _last = known;
        return known.Set;
    }

    private KeyValuePair<string, object?>[] Add(TKey key)
    {
        // Under a lock so that two new sets cannot both take the last place; a set is added once in the life of the process.
        if (!_isFull)
        {
            lock (_adding)
            {
                if (_sets.TryGetValue(key, out var known))
                {
                    return known.Set;
                }

                if (!_isFull)
                {
                    var set = names.Zip(values(key), (name, value) => KeyValuePair.Create(name, (object?)value)).ToArray();
                    _sets[key] = new Known(key, set);
                    _isFull = _sets.Count >= limit - 1;
                    return set;
                }
            }
        }

        overflowed();
        return _other;
    }

    private sealed class Known(TKey key, KeyValuePair<string, object?>[] set)
    {
        public TKey Key => key;

        public KeyValuePair<string, object?>[] Set => set;
    }
}
