using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.TensorTrains;

/// <summary>The cores of a weight under the names that files give them behind it: <c>core0</c>, <c>core1</c> and so on, (r(k-1), mk, nk, rk) each.</summary>
internal sealed class TensorTrainCores : nn.Module
{
    private readonly int _count;

    public TensorTrainCores(IReadOnlyList<Parameter> cores)
        : base(nameof(TensorTrainCores))
    {
        _count = cores.Count;
        for (int k = 0; k < _count; k++) register_parameter(NameOf(k), cores[k]);
    }

    /// <summary>As registered: moving a module to another device or type makes new ones.</summary>
    public Parameter[] Cores => [.. Enumerable.Range(0, _count).Select(k => get_parameter(NameOf(k))!)];

    /// <summary>Name of a core.</summary>
    public static string NameOf(int k) => FormattableString.Invariant($"core{k}");
}
