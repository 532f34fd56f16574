using LowRankTools.Core.Models;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Output;

/// <summary>
/// Remembers where the models of one run go. Two models of one name, or several models and one output file, would
/// replace each other even where replacing is allowed.
/// </summary>
public sealed class OutputClaims
{
    private readonly Dictionary<string, string> _owners = new(StringComparer.Ordinal);

    /// <summary>Claims a location for a model.</summary>
    /// <exception cref="LowRankToolsException"><c>OutputCollision</c>: an earlier model of this run has it.</exception>
    public void Claim(OutputLocation location, ModelSource source)
    {
        if (_owners.TryAdd(location.WeightsPath, source.Path))
            return;
        throw new LowRankToolsException(CoreErrors.OutputCollision,
            $"{source.Path}: the output {location.WeightsPath} is that of {_owners[location.WeightsPath]} already.",
            "Give each model an -OutputPath of its own.");
    }
}
