using LowRankTools.Core.Factors;
using LowRankTools.Core.Output;

namespace LowRankTools.Core.Factorization;

/// <summary>Where the pairs of a model come from, asked for one after the other in the order of the file.</summary>
internal interface IPairSource : IDisposable
{
    /// <summary>Writes both factors of a layer.</summary>
    /// <param name="pair">The next layer.</param>
    /// <param name="output">Where they go.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    /// <returns>What was measured of the layer.</returns>
    MeasuredPair Write(FactoredItem pair, ModelOutput output, CancellationToken cancellationToken);
}
