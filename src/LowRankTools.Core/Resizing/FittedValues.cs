using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Resizing;

/// <summary>The weights that make values and that read them, as they were.</summary>
/// <param name="Value">(heads of values * d) x inputs.</param>
/// <param name="ValueBias">A row; null for none.</param>
/// <param name="Output">m x (heads * d).</param>
/// <param name="OutputBias">A row; null for none.</param>
internal sealed record ValueWeights(Matrix<float> Value, Matrix<float>? ValueBias, Matrix<float> Output, Matrix<float>? OutputBias);

/// <summary>Narrower values and what reads them.</summary>
/// <param name="Value">(heads of values * k) x inputs.</param>
/// <param name="ValueBias">A row; null where there was none.</param>
/// <param name="Output">m x (heads * k).</param>
/// <param name="OutputBias">A row; null where there was none.</param>
/// <param name="Projection">What takes all heads' values to all heads' narrower ones, (heads * k) x (heads * d).</param>
internal sealed record FittedValues(Matrix<float> Value, Matrix<float>? ValueBias, Matrix<float> Output, Matrix<float>? OutputBias, Matrix<float> Projection);
