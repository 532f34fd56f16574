namespace LowRankTools.Core.Layers;

/// <summary>
/// Names of the tensors that stand for <c>X.weight</c> and its bias after factorization, however many they are: those of an <c>nn.Sequential</c> in place of X,
/// <c>X.0.weight</c>, <c>X.1.weight</c> and so on, in the order in which they are applied, or those that their method gives.
/// </summary>
/// <param name="weight">Name of the dense weight.</param>
internal readonly struct FactorNames(string weight)
{
    private readonly string _module = LayerNames.Module(weight);

    /// <summary>Name of a factor, counted from zero.</summary>
    public string Factor(int index) => FormattableString.Invariant($"{_module}.{index}.weight");

    /// <summary>Name of the bias beside it.</summary>
    public string Bias(int index) => FormattableString.Invariant($"{_module}.{index}.bias");

    /// <summary>Name of what a method of layers calls so.</summary>
    public string Behind(string name) => $"{_module}.{name}";
}
