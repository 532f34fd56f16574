using LowRankTools.Core.Factors;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Factorization;

/// <summary>The factors of one layer, or of the layers that share a basis, computed and not yet written.</summary>
/// <param name="Factors">Their entries, in the order of the item's tensors.</param>
/// <param name="Measured">What was measured of each layer.</param>
/// <param name="Owner">What frees them.</param>
internal sealed record ComputedLayer(IReadOnlyList<MatrixView<float>> Factors, IReadOnlyList<MeasuredPair> Measured, IDisposable Owner) : IDisposable
{
    /// <summary>The same factors quantised, each to be written in place of its entries; null where they are not.</summary>
    public IReadOnlyList<QuantizedMatrix>? Levels { get; init; }

    /// <summary>Bytes of all factors in memory.</summary>
    public long Bytes => Factors.Sum(f => (long)f.Length) * sizeof(float) + (Levels?.Sum(l => l.Bytes) ?? 0);

    /// <inheritdoc/>
    public void Dispose() => Owner.Dispose();
}
