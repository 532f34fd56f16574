using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Calibration;

/// <summary>
/// What a layer was fed in one run over some tokens: inputs x and, for sequential calibration, the inputs x~ that the same
/// tokens arrive with once the layers before are compressed.
/// </summary>
/// <param name="Original">Sum of x x^T, in x in.</param>
/// <param name="Cross">Sum of x x~^T, in x in; null where nothing before is compressed.</param>
/// <param name="Compressed">Sum of x~ x~^T, in x in; null with <paramref name="Cross"/>.</param>
internal sealed record InputGrams(Gram Original, Matrix<double>? Cross = null, Gram? Compressed = null) : IDisposable
{
    /// <summary>Sum over the inputs that the layer will really get.</summary>
    public Gram Arriving => Compressed ?? Original;

    /// <inheritdoc/>
    public void Dispose()
    {
        Original.Dispose();
        Cross?.Dispose();
        Compressed?.Dispose();
    }
}
