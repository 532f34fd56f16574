using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;
using LowRankTools.TorchSharp.Modules;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.TensorTrains;

/// <summary>Tensor trains in modules written in TorchSharp.</summary>
public static class TensorTrainModules
{
    /// <summary>
    /// Replaces every Linear inside a module by a <see cref="TensorTrainLinear"/> by TT-SVD, as <see cref="LowRankModules.FactorizeLinear"/> replaces them by pairs: nothing is replaced
    /// until every train is there, replaced layers are disposed of, and layers that share their weight share their cores.
    /// </summary>
    /// <param name="module">The module; not a Linear itself.</param>
    /// <param name="rank">Rank of every bond between cores, at least 1; bonds that have no such rank get the largest that they have.</param>
    /// <param name="options">Modes, where cores start, which layers; null for the defaults.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    /// <returns>What became of each linear layer, in order.</returns>
    /// <exception cref="LowRankToolsException">RankNotPositive, NonFiniteValues, ModuleNotReplaceable.</exception>
    public static IReadOnlyList<LinearReplacement> FactorizeTensorTrain(this nn.Module module, int rank, TensorTrainOptions? options = null, CancellationToken cancellationToken = default)
    {
        if (rank < 1) throw new LowRankToolsException("RankNotPositive", $"Rank {rank} is not a rank.", "Ask for 1 or more.");
        ModuleReplacer.RequireContainer<Linear>(module);
        options ??= new TensorTrainOptions();
        return new LinearSurgery(module, new TensorTrainReplacer(rank, options), options).Run(cancellationToken);
    }

    /// <summary>
    /// Replaces every Linear X for which a file of weights has cores, <c>X.weight.core0</c> and so on, by a <see cref="TensorTrainLinear"/> of their shapes, so that the weights of a model that
    /// <c>Invoke-LowRankFactorization -Method TensorTrain</c> wrote can be loaded. The cores are zeros until then, the bias is the layer's.
    /// </summary>
    /// <param name="module">The module; not a Linear itself.</param>
    /// <param name="path">Full path of a model file or shard index of any format; nothing but headers is read.</param>
    /// <returns>Names of the layers that were replaced.</returns>
    /// <exception cref="LowRankToolsException">WeightsDoNotFit: cores are no chain, or of a matrix of another size; ModuleNotReplaceable; or the file is damaged.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static IReadOnlyList<string> UseTensorTrains(this nn.Module module, string path)
    {
        ModuleReplacer.RequireContainer<Linear>(module);
        using TensorFile file = TensorFiles.Open(path);
        Dictionary<string, TensorInfo> tensors = file.Tensors.ToDictionary(t => t.Name, StringComparer.Ordinal);
        List<(ModulePlace<Linear> Place, long[][] Cores)> trains = [.. ModuleTree.Places<Linear>(module).Select(place => (place, Cores(tensors, place.Name))).Where(t => t.Item2.Length > 0)];
        foreach ((ModulePlace<Linear> place, long[][] cores) in trains) Require(path, place, cores);
        return LinearFactors.Replace(module, [.. trains.Select(t => (t.Place, (Func<nn.Module<Tensor, Tensor>>)(() => TensorTrainReplacer.Layer(t.Place.Module, [.. t.Cores.Select(c => zeros(c))]))))], typeof(TensorTrainLinear));
    }

    /// <summary>Replaces every <see cref="TensorTrainLinear"/> inside a module by the Linear that it stands for. Trains are disposed of.</summary>
    /// <param name="module">The module; not a train itself.</param>
    /// <returns>Names of the layers that are dense again.</returns>
    /// <exception cref="LowRankToolsException">ModuleNotReplaceable.</exception>
    public static IReadOnlyList<string> MergeTensorTrains(this nn.Module module) => LinearFactors.Merge<TensorTrainLinear>(module, train => train.ToDense());

    private static long[][] Cores(Dictionary<string, TensorInfo> tensors, string layer)
    {
        List<long[]> shapes = [];
        while (tensors.TryGetValue($"{layer}.weight.{TensorTrainCores.NameOf(shapes.Count)}", out TensorInfo? core)) shapes.Add([.. core.Shape]);
        return [.. shapes];
    }

    private static void Require(string path, ModulePlace<Linear> place, long[][] cores)
    {
        using var scope = NewDisposeScope();
        long[] weight = place.Module.weight!.shape;
        if (!TensorTrainLinear.IsChain(cores) || TensorTrainLinear.Size(cores, 1) != weight[0] || TensorTrainLinear.Size(cores, 2) != weight[1])
        {
            throw new LowRankToolsException("WeightsDoNotFit", $"'{path}' does not fit the module: the cores of '{place.Name}', {string.Join(", ", cores.Select(c => $"({string.Join(" x ", c)})"))}, are none of a {weight[0]} x {weight[1]} matrix.",
                "Load the file into a module of the same layers.");
        }
    }
}
