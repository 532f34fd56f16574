using LowRankTools.Core.Storage;
using LowRankTools.Formats.Quantization;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Factors;

/// <summary>How the factors of one layer are stored: in an element type, or in levels and scales.</summary>
/// <param name="DType">Element type where they are not quantised.</param>
/// <param name="Quantization">How they are quantised; null where they are not.</param>
internal readonly record struct FactorStorage(TensorDType DType, WeightQuantization? Quantization)
{
    /// <summary>Whether float32 values change when they are stored.</summary>
    public bool Rounds => Quantization is not null || StoredType.Rounds(DType);

    /// <summary>Replaces a factor's entries by what will be read back.</summary>
    /// <param name="matrix">The factor.</param>
    /// <param name="byColumns">Whether its columns are the rows of the tensor that is stored.</param>
    /// <returns>Its levels and scales; null where it is not quantised.</returns>
    /// <exception cref="LowRankToolsException"><c>NonFiniteValues</c>, <c>ValuesOverflow</c>.</exception>
    public QuantizedMatrix? Store(Matrix<float> matrix, bool byColumns)
    {
        if (Quantization is { } kind)
            return QuantizedMatrix.Replace(kind, byColumns ? matrix.Transposed : matrix.View);
        StoredType.Round(matrix, DType);
        return null;
    }
}
