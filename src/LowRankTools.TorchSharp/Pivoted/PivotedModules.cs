using LowRankTools.Decompositions.Pivoted;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;
using LowRankTools.TorchSharp.Modules;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Pivoted;

/// <summary>Pivoted pairs in modules written in TorchSharp.</summary>
public static class PivotedModules
{
    /// <summary>
    /// Replaces every Linear inside a module by a <see cref="PivotedLinear"/> by the best pair of a rank, as <see cref="LowRankModules.FactorizeLinear"/> replaces them by pairs: nothing is replaced
    /// until every pair is there, replaced layers are disposed of, and layers that share their weight share their factors.
    /// </summary>
    /// <param name="module">The module; not a Linear itself.</param>
    /// <param name="rank">Rank of every pair, at least 1; layers that have no such rank get the largest that they have.</param>
    /// <param name="options">Where factors start, which layers; null for the defaults.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    /// <returns>What became of each linear layer, in order; the pivots, a buffer, count as no parameters.</returns>
    /// <exception cref="LowRankToolsException">RankNotPositive, NonFiniteValues, ModuleNotReplaceable.</exception>
    public static IReadOnlyList<LinearReplacement> FactorizePivoted(this nn.Module module, int rank, PivotedOptions? options = null, CancellationToken cancellationToken = default)
    {
        if (rank < 1) throw new LowRankToolsException("RankNotPositive", $"Rank {rank} is not a rank.", "Ask for 1 or more.");
        ModuleReplacer.RequireContainer<Linear>(module);
        options ??= new PivotedOptions();
        return new LinearSurgery(module, new PivotedReplacer(rank, options), options).Run(cancellationToken);
    }

    /// <summary>
    /// Replaces every Linear X for which a file of weights has pivots, <c>X.weight.pivots</c>, by a <see cref="PivotedLinear"/> of the file's shapes, so that the weights of a model that
    /// <c>Invoke-LowRankFactorization -Method Pivoted</c> wrote can be loaded. The factors are zeros until then, the first outputs the kept ones, the bias is the layer's.
    /// </summary>
    /// <param name="module">The module; not a Linear itself.</param>
    /// <param name="path">Full path of a model file or shard index of any format; headers are read, and the pivots are checked.</param>
    /// <returns>Names of the layers that were replaced.</returns>
    /// <exception cref="LowRankToolsException">WeightsDoNotFit: the factors are no pivoted pair, or of a matrix of another size; ShapesDoNotMatch: the pivots are none; ModuleNotReplaceable; or the file is damaged.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static IReadOnlyList<string> UsePivotedPairs(this nn.Module module, string path)
    {
        ModuleReplacer.RequireContainer<Linear>(module);
        using TensorFile file = TensorFiles.Open(path);
        Dictionary<string, TensorInfo> tensors = file.Tensors.ToDictionary(t => t.Name, StringComparer.Ordinal);
        List<(ModulePlace<Linear>, Func<nn.Module<Tensor, Tensor>>)> pairs = [];
        foreach (ModulePlace<Linear> place in ModuleTree.Places<Linear>(module).Where(p => tensors.ContainsKey($"{p.Name}.weight.pivots")))
        {
            (long outputs, long inputs, long rank) = Checked(file, tensors, place);
            pairs.Add((place, () => PivotedReplacer.Layer(place.Module, PivotedReplacer.First(outputs, rank), zeros(rank, inputs), zeros(outputs - rank, rank))));
        }

        return LinearFactors.Replace(module, pairs, typeof(PivotedLinear));
    }

    /// <summary>Replaces every <see cref="PivotedLinear"/> inside a module by the Linear that it stands for. Pairs are disposed of.</summary>
    /// <param name="module">The module; not a pair itself.</param>
    /// <returns>Names of the layers that are dense again.</returns>
    /// <exception cref="LowRankToolsException">ModuleNotReplaceable.</exception>
    public static IReadOnlyList<string> MergePivotedPairs(this nn.Module module) => LinearFactors.Merge<PivotedLinear>(module, pair => pair.ToDense());

    private static (long Outputs, long Inputs, long Rank) Checked(TensorFile file, Dictionary<string, TensorInfo> tensors, ModulePlace<Linear> place)
    {
        using var scope = NewDisposeScope();
        long[] weight = place.Module.weight!.shape;
        TensorInfo pivots = tensors[$"{place.Name}.weight.pivots"];
        long[] Shape(string factor) => tensors.TryGetValue($"{place.Name}.weight.{factor}", out TensorInfo? found) ? [.. found.Shape] : [];
        long[] rows = Shape("rows");
        if (!PivotedLinear.Fits([.. pivots.Shape], rows, Shape("others")) || pivots.Shape[0] != weight[0] || rows[1] != weight[1])
        {
            throw new LowRankToolsException("WeightsDoNotFit", $"'{file.Path}' does not fit the module: the factors of '{place.Name}' are no pivoted pair of a {weight[0]} x {weight[1]} matrix.",
                "Load the file into a module of the same layers.");
        }

        float[] values = new float[weight[0]];
        file.ReadSingles(pivots, 0, values);
        PivotOrder.Of([.. values.Select(v => (double)v)], (int)rows[0]);
        return (weight[0], weight[1], rows[0]);
    }
}
