using LowRankTools.Core.Factors;
using LowRankTools.Core.Output;

namespace LowRankTools.Core.Factorization;

/// <summary>Where the pairs of a model come from, asked for one after the other in the order of the file.</summary>
internal interface IPairSource : IDisposable
{
    /// <summary>Writes the factors of a layer, or of the layers that share a basis.</summary>
    /// <param name="pair">The next layer.</param>
    /// <param name="output">Where they go.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    /// <returns>What was measured of each of the item's layers.</returns>
    IReadOnlyList<MeasuredPair> Write(FactoredItem pair, ModelOutput output, CancellationToken cancellationToken);
}
