using System.Globalization;
using LowRankTools.Core.Layers;

namespace LowRankTools.Core.Spectra;

/// <summary>The singular values of one layer's weight W, and what they say about pairs that could stand for it.</summary>
public sealed record LayerSpectrum
{
    /// <summary>Share of the energy that a pair should keep to be suggested; it leaves an error of sqrt(0.05) = 22 % of the norm.</summary>
    private const double SuggestedEnergy = 0.95;

    /// <summary>Full path of the model: binds to the next cmdlet's -LiteralPath.</summary>
    public required string Path { get; init; }

    /// <summary>Name of the model.</summary>
    public required string Model { get; init; }

    /// <summary>Name of the tensor.</summary>
    public required string Name { get; init; }

    /// <summary>What the tensor is.</summary>
    public required LayerKind Kind { get; init; }

    /// <summary>Shape as stored.</summary>
    public required Dimensions Shape { get; init; }

    /// <summary>Element type as stored.</summary>
    public required string DType { get; init; }

    /// <summary>Singular values, descending: all min(m, n), or the largest of them where fewer were asked for.</summary>
    public required IReadOnlyList<double> SingularValues { get; init => field = new ShownList<double>(value); }

    /// <summary>For each listed singular value the share of ||W||_F^2 that it and the larger ones hold.</summary>
    public required IReadOnlyList<double> Energy { get; init => field = new ShownList<double>(value); }

    /// <summary>||W||_F.</summary>
    public required double FrobeniusNorm { get; init; }

    /// <summary>||W||_2, the largest singular value.</summary>
    public required double SpectralNorm { get; init; }

    /// <summary>||W||_F^2 / ||W||_2^2: how many directions matter as much as the strongest.</summary>
    public required double StableRank { get; init; }

    /// <summary>exp of the entropy of sigma_k / sum of sigma (Roy and Vetterli, 2007): between 1 and min(m, n).</summary>
    public required double EffectiveRank { get; init; }

    /// <summary>Largest rank at which a pair has fewer parameters than W.</summary>
    public required long BreakEvenRank { get; init; }

    /// <summary>Smallest rank that keeps 90 % of the energy, the sum of squared singular values.</summary>
    public required int Rank90 { get; init; }

    /// <summary>Smallest rank that keeps 95 % of the energy.</summary>
    public required int Rank95 { get; init; }

    /// <summary>Smallest rank that keeps 99 % of the energy.</summary>
    public required int Rank99 { get; init; }

    /// <summary>Factorize where the rank that keeps 95 % of the energy is at most the break-even rank; Keep elsewhere.</summary>
    public LayerSuggestion Suggestion => Rank95 <= BreakEvenRank ? LayerSuggestion.Factorize : LayerSuggestion.Keep;

    /// <summary>What the suggestion rests on.</summary>
    public string Reason => string.Create(CultureInfo.InvariantCulture, $"95 % of the energy takes rank {Rank95}; a pair is smaller up to rank {BreakEvenRank}");

    /// <summary>Sizes of the matrix, in the orientation of the file: TensorFlow stores some with sides of one before them.</summary>
    internal (long Rows, long Columns) Size => Shape.Count < 2 ? (0, 0) : (Shape.Sizes.SkipLast(1).Aggregate(1L, (a, b) => a * b), Shape[^1]);

    /// <summary>The name: what takes names of layers takes the layer.</summary>
    public override string ToString() => Name;

    internal static LayerSpectrum Of(LayerShape shape, double[] values, int top)
    {
        double squared = SpectrumMeasures.SquaredNorm(values), sum = 0;
        double[] listed = top == 0 || top >= values.Length ? values : values[..top];
        return new LayerSpectrum
        {
            Path = shape.Path,
            Model = shape.Model,
            Name = shape.Name,
            Kind = shape.Kind,
            Shape = shape.Shape,
            DType = shape.DType,
            SingularValues = listed,
            Energy = Array.ConvertAll(listed, s => squared == 0 ? 1 : Math.Min(1, (sum += s * s) / squared)),
            FrobeniusNorm = Math.Sqrt(squared),
            SpectralNorm = values.Length == 0 ? 0 : values[0],
            StableRank = SpectrumMeasures.StableRank(values),
            EffectiveRank = SpectrumMeasures.EffectiveRank(values),
            BreakEvenRank = shape.BreakEvenRank!.Value,
            Rank90 = SpectrumMeasures.RankForEnergy(values, 0.9),
            Rank95 = SpectrumMeasures.RankForEnergy(values, SuggestedEnergy),
            Rank99 = SpectrumMeasures.RankForEnergy(values, 0.99),
        };
    }
}
