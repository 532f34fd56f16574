using System.Text;
using LowRankTools.Numerics.RandomNumbers;

namespace LowRankTools.Core.Demo.Learning;

/// <summary>Sequences to learn from, made from their numbers: as many as one likes, and the same each time.</summary>
internal abstract class SequenceData
{
    /// <summary>What is learned, in words.</summary>
    public abstract string Name { get; }

    /// <summary>Number of different tokens.</summary>
    public abstract int Tokens { get; }

    /// <summary>Tokens of an input.</summary>
    public abstract int Length { get; }

    /// <summary>What a token is to be followed by; negative where nobody can know.</summary>
    public abstract (int[] Inputs, int[] Targets) Example(int number);

    /// <summary>The random numbers of one example.</summary>
    protected static DeterministicRandom Random(int number) => new((ulong)number * 7919);
}

/// <summary>
/// Eight random tokens, a mark, and the same backwards, each moved on by a shift: what stands behind the mark follows from
/// what stands before it, and nothing from frequencies. Guessing is right once in sixteen.
/// </summary>
/// <param name="shift">How far each token is moved on.</param>
internal sealed class ReversedData(int shift) : SequenceData
{
    private const int Symbols = 16;
    private const int Half = 8;

    public override string Name => shift == 0 ? "reverse" : $"reverse, +{shift}";

    public override int Tokens => Symbols + 1;

    public override int Length => 2 * Half;

    public override (int[] Inputs, int[] Targets) Example(int number)
    {
        DeterministicRandom random = Random(number);
        int[] first = [.. Enumerable.Range(0, Half).Select(_ => random.Next(Symbols))];
        int[] all = [.. first, Symbols, .. first.Reverse().Select(token => (token + shift) % Symbols)];
        return (all[..^1], [.. all.Skip(1).Select((token, i) => i < Half ? -1 : token)]);
    }
}

/// <summary>
/// Letters of sentences of a small grammar: article, adjective, noun, verb, article, noun, place. Which letter begins a
/// word is chance, most of the others are not. The second order of words is that of a neighbouring language.
/// </summary>
/// <param name="verbLast">Whether the verb comes last.</param>
internal sealed class SentenceData(bool verbLast) : SequenceData
{
    private static readonly string[] s_articles = ["a", "the", "every", "no"];
    private static readonly string[] s_adjectives = ["small", "green", "patient", "early", "quiet", "broken", "northern", "clever"];
    private static readonly string[] s_nouns = ["matrix", "river", "gardener", "engine", "lantern", "number", "sailor", "window", "mountain", "letter"];
    private static readonly string[] s_verbs = ["follows", "carries", "repairs", "measures", "forgets", "answers", "paints", "divides"];
    private static readonly string[] s_places = ["near the harbour", "after the rain", "in the library", "without a word", "on the bridge", "at noon"];

    public override string Name => verbLast ? "sentences, verb last" : "sentences";

    public override int Tokens => 28;

    public override int Length => 48;

    public override (int[] Inputs, int[] Targets) Example(int number)
    {
        DeterministicRandom random = Random(number);
        string Of(string[] words) => words[random.Next(words.Length)];
        int skip = random.Next(20);
        StringBuilder text = new();
        while (text.Length < skip + Length + 1)
        {
            string subject = $"{Of(s_articles)} {Of(s_adjectives)} {Of(s_nouns)}", verb = Of(s_verbs), thing = $"{Of(s_articles)} {Of(s_nouns)}", place = Of(s_places);
            text.Append(verbLast ? $"{subject} {thing} {place} {verb}. " : $"{subject} {verb} {thing} {place}. ");
        }

        int[] all = [.. text.ToString(skip, Length + 1).Select(c => c == ' ' ? 26 : c == '.' ? 27 : c - 'a')];
        return (all[..^1], all[1..]);
    }
}
