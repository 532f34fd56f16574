namespace LowRankTools.Core.Layers;

/// <summary>
/// Names of the tensors that stand for <c>X.weight</c> and its bias after factorization: those of
/// <c>nn.Sequential(nn.Linear(in, r), nn.Linear(r, out))</c> in place of X.
/// </summary>
/// <param name="weight">Name of the dense weight.</param>
internal readonly struct PairNames(string weight)
{
    private readonly FactorNames _names = new(weight);

    /// <summary>First factor, (r, in) for a linear map, (entries, r) for an embedding.</summary>
    public string First => _names.Factor(0);

    /// <summary>Second factor, (out, r).</summary>
    public string Second => _names.Factor(1);

    /// <summary>Bias of the first factor: zeros, where the receiving module has one.</summary>
    public string FirstBias => _names.Bias(0);

    /// <summary>Bias of the second factor: the layer's own, or zeros.</summary>
    public string SecondBias => _names.Bias(1);
}
