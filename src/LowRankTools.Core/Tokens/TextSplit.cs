using LowRankTools.Networks.Training;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tokens;

/// <summary>Divides a text into lines to work on and lines to judge by. A line stays whole, and so does what is the same text twice.</summary>
internal static class TextSplit
{
    /// <summary>Divides it.</summary>
    /// <param name="text">The text.</param>
    /// <param name="heldOut">Share of the lines to judge by, rounded up; 0 for none.</param>
    /// <param name="seed">Chooses them.</param>
    /// <exception cref="LowRankToolsException"><c>TextInvalid</c>: no line would be left.</exception>
    public static (List<TokenSequence> Fitted, List<TokenSequence> HeldOut) Of(TokenText text, double heldOut, ulong seed)
    {
        if (heldOut == 0)
            return ([.. text.Sequences], []);
        List<List<TokenSequence>> lines = [.. text.Sequences.GroupBy(s => s.Line).GroupBy(l => string.Join(' ', l.SelectMany(s => s.Ids)), StringComparer.Ordinal).Select(g => g.SelectMany(s => s).ToList())];
        int count = (int)Math.Ceiling(lines.Count * heldOut);
        if (count >= lines.Count)
            throw new LowRankToolsException(CoreErrors.TextInvalid, $"{text.Path}: of {lines.Count} different lines none is left when {count} are held out.", "Give more text, or hold out a smaller share.");
        HashSet<int> chosen = [.. new DataOrder(seed, lines.Count).Take(0, count)];
        return ([.. lines.Where((_, i) => !chosen.Contains(i)).SelectMany(s => s)], [.. lines.Where((_, i) => chosen.Contains(i)).SelectMany(s => s)]);
    }

    /// <summary>How many lines some sequences are from.</summary>
    public static int Lines(IEnumerable<TokenSequence> sequences) => sequences.Select(s => s.Line).Distinct().Count();
}
