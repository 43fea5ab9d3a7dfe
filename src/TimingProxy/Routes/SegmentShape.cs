using System.Buffers;

namespace TimingProxy.Routes;

/// <summary>Whether a segment of a path is a word of the app's, or a value that stands for one of many.</summary>
internal static class SegmentShape
{
    private const int LongestWord = 40;

    private static readonly SearchValues<char> Separators = SearchValues.Create("-_.~");

    /// <summary>
    /// True for numbers, UUIDs, hashes, dates, long random words, and whatever no app would name a route: other characters than letters,
    /// digits, <c>-_.~</c>, or too many of them.
    /// </summary>
    public static bool IsValue(ReadOnlySpan<char> segment)
    {
        if (segment.IsEmpty)
        {
            return false;
        }

        if (segment.Length > LongestWord || !HasOnlyWordCharacters(segment))
        {
            return true;
        }

        int letters = 0;
        int digits = 0;
        foreach (char c in segment)
        {
            letters += char.IsLetter(c) ? 1 : 0;
            digits += char.IsDigit(c) ? 1 : 0;
        }

        // Numbers and dates (2024-05-01, 2024.05), with whatever stands between the digits.
        return (digits > 0 && letters == 0) || Guid.TryParse(segment, out _) || HasRandomPart(segment);
    }

    private static bool HasOnlyWordCharacters(ReadOnlySpan<char> segment)
    {
        foreach (char c in segment)
        {
            if (!char.IsLetterOrDigit(c) && c is not ('-' or '_' or '.' or '~'))
            {
                return false;
            }
        }

        return true;
    }

    private static bool HasRandomPart(ReadOnlySpan<char> segment)
    {
        foreach (var range in segment.SplitAny(Separators))
        {
            if (IsRandom(segment[range]))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Hashes (hexadecimal with digits among it) and words in which letters and digits are mixed, or that no language has.</summary>
    private static bool IsRandom(ReadOnlySpan<char> word)
    {
        int digits = 0;
        int changes = 0;
        bool isHexadecimal = true;
        for (int i = 0; i < word.Length; i++)
        {
            digits += char.IsDigit(word[i]) ? 1 : 0;
            isHexadecimal &= char.IsAsciiHexDigit(word[i]);
            changes += i > 0 && char.IsDigit(word[i]) != char.IsDigit(word[i - 1]) ? 1 : 0;
        }

        return (word.Length >= 7 && isHexadecimal && digits > 0 && digits < word.Length)
            || (word.Length >= 8 && changes >= 3)
            || (word.Length >= 16 && (digits > 0 || IsUnspeakable(word)))
            || word.Length >= 28;
    }

    /// <summary>Six consonants on end, or upper and lower case that change more often than at the beginnings of words.</summary>
    private static bool IsUnspeakable(ReadOnlySpan<char> word)
    {
        int consonants = 0;
        int caseChanges = 0;
        for (int i = 0; i < word.Length; i++)
        {
            consonants = char.IsAsciiLetter(word[i]) && !"aeiouyAEIOUY".Contains(word[i], StringComparison.Ordinal) ? consonants + 1 : 0;
            caseChanges += i > 0 && char.IsUpper(word[i]) != char.IsUpper(word[i - 1]) ? 1 : 0;
            if (consonants == 6)
            {
                return true;
            }
        }

        return caseChanges * 5 >= word.Length * 2;
    }
}
