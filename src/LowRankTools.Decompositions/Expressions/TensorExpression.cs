namespace LowRankTools.Decompositions.Expressions;

/// <summary>
/// A tensor as a sum over products of factors, in the notation of einsum: <c>ir,jr,kr->ijk</c>. A factor may have a name, <c>A:ir,B:jr,A:kr->ijk</c>; one name
/// twice is one factor twice. Without names they are <c>factor0</c>, <c>factor1</c> and so on.
/// </summary>
public sealed class TensorExpression
{
    private const int MostFactors = 10, MostLength = 200;

    private TensorExpression(string text, IReadOnlyList<(string Name, string Modes)> terms, string output)
    {
        Text = text;
        Terms = terms;
        Output = output;
        Inner = string.Concat(terms.SelectMany(t => t.Modes).Where(c => !output.Contains(c, StringComparison.Ordinal)).Distinct());
    }

    /// <summary>As it was written.</summary>
    public string Text { get; }

    /// <summary>The factors that are multiplied, each with a letter for each of its modes.</summary>
    public IReadOnlyList<(string Name, string Modes)> Terms { get; }

    /// <summary>Letters of the tensor's modes.</summary>
    public string Output { get; }

    /// <summary>Letters that are summed over, in the order in which they come: their sizes are the ranks.</summary>
    public string Inner { get; }

    /// <summary>Names of the factors, each once.</summary>
    public IReadOnlyList<string> Names => [.. Terms.Select(t => t.Name).Distinct(StringComparer.Ordinal)];

    /// <summary>Reads an expression.</summary>
    /// <exception cref="LowRankTools.Numerics.LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public static TensorExpression Parse(string text)
    {
        string[] sides = text.Replace(" ", "", StringComparison.Ordinal).Split("->");
        if (text.Length > MostLength || sides.Length != 2 || sides[1].Length == 0 || !AreModes(sides[1]))
            throw Invalid(text, "it needs factors, an arrow, and a letter for each mode of the tensor, each once");
        List<(string Name, string Modes)> terms = [];
        foreach (string part in sides[0].Split(','))
        {
            string[] named = part.Split(':');
            (string name, string modes) = named.Length == 1 ? ($"factor{terms.Count}", named[0]) : (named[0], named[^1]);
            if (named.Length > 2 || modes.Length == 0 || !AreModes(modes) || name.Length == 0 || !name.All(char.IsAsciiLetterOrDigit))
                throw Invalid(text, "it needs every factor as 'ir' or 'A:ir', whose letters are each there once");
            if (terms.Find(t => t.Name == name) is { Modes: { } other } && other.Length != modes.Length)
                throw Invalid(text, $"it has factor '{name}' with {other.Length} modes and with {modes.Length}");
            terms.Add((name, modes));
        }
        if (terms.Count > MostFactors)
            throw Invalid(text, $"there are more than {MostFactors} factors");
        return sides[1].All(c => terms.Exists(t => t.Modes.Contains(c, StringComparison.Ordinal))) ? new TensorExpression(text, terms, sides[1])
            : throw Invalid(text, "a letter of the tensor stands in no factor");
    }

    /// <summary>Shapes of the factors, each once.</summary>
    /// <param name="shape">Sizes of the tensor's modes.</param>
    /// <param name="ranks">Sizes of the letters of <see cref="Inner"/>.</param>
    /// <returns>Null where the sizes do not fit the letters: of other numbers, or a factor that is used twice with two shapes.</returns>
    public IReadOnlyList<FactorShape>? Shapes(IReadOnlyList<int> shape, IReadOnlyList<int> ranks)
    {
        if (shape.Count != Output.Length || ranks.Count != Inner.Length)
            return null;
        Dictionary<char, int> sizes = [];
        for (int k = 0; k < Output.Length; k++)
            sizes[Output[k]] = shape[k];
        for (int k = 0; k < Inner.Length; k++)
            sizes[Inner[k]] = ranks[k];
        List<FactorShape> shapes = [];
        foreach ((string name, string modes) in Terms)
        {
            int[] own = [.. modes.Select(c => sizes[c])];
            if (shapes.Find(s => s.Name == name) is not { } earlier)
                shapes.Add(new FactorShape(name, own));
            else if (!earlier.Shape.SequenceEqual(own))
                return null;
        }
        return shapes;
    }

    /// <inheritdoc/>
    public override string ToString() => Text;

    private static bool AreModes(string modes) => modes.All(char.IsAsciiLetter) && modes.Distinct().Count() == modes.Length;

    private static LowRankTools.Numerics.LowRankToolsException Invalid(string text, string what) =>
        DecompositionOptions.Invalid($"'{(text.Length > MostLength ? text[..MostLength] : text)}' is no expression: {what}.", "Write it as 'ir,jr,kr->ijk'.");
}
