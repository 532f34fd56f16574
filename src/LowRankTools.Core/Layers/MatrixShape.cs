using System.Globalization;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Layers;

/// <summary>Sizes of a linear layer's weight: y (tokens x out) = x (tokens x in) W^T.</summary>
/// <param name="OutFeatures">Outputs: rows of W.</param>
/// <param name="InFeatures">Inputs: columns of W.</param>
public readonly record struct MatrixShape(int OutFeatures, int InFeatures)
{
    /// <summary>Largest rank at which a pair has fewer parameters than the matrix, and with that fewer operations.</summary>
    public int BreakEvenRank => (int)RankBounds.BreakEven(OutFeatures, InFeatures);

    /// <summary>Largest rank that there is.</summary>
    public int MaximumRank => Math.Min(OutFeatures, InFeatures);

    /// <summary>Reads <c>3072x768</c>: outputs, then inputs, as PyTorch writes shapes.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: the text is no shape.</exception>
    public static MatrixShape Parse(string text)
    {
        string[] sizes = text.Split('x', 'X', '\u00D7');
        if (sizes.Length == 2 && Size(sizes[0], out int rows) && Size(sizes[1], out int columns))
            return new MatrixShape(rows, columns);
        throw new LowRankToolsException(CoreErrors.OptionInvalid, $"'{text}' is no shape of a layer.", "A shape is outputs x inputs, such as 3072x768.");
    }

    /// <summary>As people write it: <c>3072 x 768</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{OutFeatures} x {InFeatures}");

    private static bool Size(string text, out int size) =>
        int.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out size) && size >= 1;
}
