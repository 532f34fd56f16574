using LowRankTools.Numerics;
using LowRankTools.TorchSharp.Modules;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.TensorTrains;

/// <summary>
/// y = x W^T + b with W (out x in) a TT-matrix (Novikov, Podoprikhin, Osokin, Vetrov, "Tensorizing neural networks", 2015): cores (r(k-1), mk, nk, rk) whose m multiply to
/// the outputs and whose n multiply to the inputs. The parameters are <c>weight.core0</c>, <c>weight.core1</c>, ... and <c>bias</c>, as <c>Invoke-LowRankFactorization -Method TensorTrain</c>
/// writes them. Cores are multiplied one after the other, or the matrix is, whichever is fewer operations for the tokens that come; gradients are libtorch's.
/// </summary>
public sealed class TensorTrainLinear : nn.Module<Tensor, Tensor>, IOneLayer
{
    private readonly TensorTrainCores _weight;
    private readonly bool _hasBias;

    /// <summary>Creates a layer of cores that are there already.</summary>
    /// <param name="cores">The cores, (r(k-1), mk, nk, rk) each, r0 and rd being 1.</param>
    /// <param name="bias">b, m1 ... md entries, or null.</param>
    /// <exception cref="LowRankToolsException">ShapesDoNotMatch.</exception>
    public TensorTrainLinear(IReadOnlyList<Parameter> cores, Parameter? bias)
        : base(nameof(TensorTrainLinear))
    {
        long[][] shapes = [.. cores.Select(c => c.shape)];
        if (!IsChain(shapes) || bias is not null && !bias.shape.SequenceEqual([Size(shapes, 1)]))
            throw new LowRankToolsException("ShapesDoNotMatch", $"{string.Join(", ", shapes.Select(s => $"({string.Join(" x ", s)})"))} are no cores of a matrix, or the bias is not as long as its rows.");
        (InFeatures, OutFeatures, _hasBias) = (Size(shapes, 2), Size(shapes, 1), bias is not null);
        _weight = new TensorTrainCores(cores);
        register_module("weight", _weight);
        if (bias is not null) register_parameter("bias", bias);
    }

    /// <summary>Features of an input.</summary>
    public long InFeatures { get; }

    /// <summary>Features of an output.</summary>
    public long OutFeatures { get; }

    /// <summary>The cores, first to last.</summary>
    public IReadOnlyList<Parameter> Cores => _weight.Cores;

    /// <summary>b, or null.</summary>
    public Parameter? Bias => _hasBias ? get_parameter("bias") : null;

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor y = TensorTrainProduct.Multiply(input.reshape(-1, InFeatures), _weight.Cores).reshape([.. input.shape[..^1], OutFeatures]);
        return (Bias is { } bias ? y.add(bias) : y).MoveToOuterDisposeScope();
    }

    /// <summary>The dense layer that it stands for, on its device and in its type; parameters are copies.</summary>
    public Linear ToDense()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable frozen = no_grad();
        Parameter[] cores = _weight.Cores;
        Linear layer = PairFactory.New(InFeatures, OutFeatures, _hasBias, cores[0]);
        layer.weight!.copy_(TensorTrainProduct.Dense(cores));
        layer.weight!.requires_grad = cores.Any(c => c.requires_grad);
        return LinearFactors.Finished(layer, Bias, training);
    }

    /// <summary>Whether shapes are those of cores of a matrix.</summary>
    internal static bool IsChain(IReadOnlyList<long[]> shapes) =>
        shapes.Count > 0 && shapes.All(s => s.Length == 4 && s.All(n => n > 0)) && shapes[0][0] == 1 && shapes[^1][3] == 1 && shapes.Zip(shapes.Skip(1)).All(p => p.First[3] == p.Second[0]);

    /// <summary>Product of one side of all cores: 1 for outputs, 2 for inputs.</summary>
    internal static long Size(IReadOnlyList<long[]> shapes, int side) => shapes.Aggregate(1L, (product, s) => checked(product * s[side]));
}
