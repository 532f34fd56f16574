using LowRankTools.Numerics;
using LowRankTools.TorchSharp.Modules;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Pivoted;

/// <summary>
/// y = x W^T + b with W (out x in) a pivoted pair (PIFA: Zhao, Zhang, Cannistraci, "Pivoting factorization", 2025): r outputs are p = x A^T, the others p C^T, each at its place. The
/// parameters are <c>weight.rows</c>, A (r, in), <c>weight.others</c>, C (out - r, r), and <c>bias</c>, the buffer <c>weight.pivots</c> (out) says with ones which outputs are rows of A,
/// as <c>Invoke-LowRankFactorization -Method Pivoted</c> writes them. Gradients are libtorch's.
/// </summary>
public sealed class PivotedLinear : nn.Module<Tensor, Tensor>, IOneLayer
{
    private readonly PivotedFactors _weight;
    private readonly bool _hasBias;

    /// <summary>Creates a layer of factors that are there already.</summary>
    /// <param name="pivots">One number for each output, r of them 1 and the others 0. It is the layer's from here on, and outlives scopes.</param>
    /// <param name="rows">A, (r, in).</param>
    /// <param name="others">C, (out - r, r).</param>
    /// <param name="bias">b, out entries, or null.</param>
    /// <exception cref="LowRankToolsException">ShapesDoNotMatch.</exception>
    public PivotedLinear(Tensor pivots, Parameter rows, Parameter others, Parameter? bias)
        : base(nameof(PivotedLinear))
    {
        if (!Fits(pivots.shape, rows.shape, others.shape) || bias is not null && !bias.shape.SequenceEqual(pivots.shape))
        {
            string shapes = string.Join(", ", new[] { pivots, rows, others }.Select(t => $"({string.Join(" x ", t.shape)})"));
            throw new LowRankToolsException("ShapesDoNotMatch", $"{shapes} are no pivots, rows and others of a matrix, or the bias is not as long as its rows.");
        }

        (InFeatures, OutFeatures, _hasBias) = (rows.shape[1], pivots.shape[0], bias is not null);
        _weight = new PivotedFactors(pivots.DetachFromDisposeScope(), rows, others);
        register_module("weight", _weight);
        if (bias is not null) register_parameter("bias", bias);
    }

    /// <summary>Features of an input.</summary>
    public long InFeatures { get; }

    /// <summary>Features of an output.</summary>
    public long OutFeatures { get; }

    /// <summary>Which outputs are rows of A.</summary>
    public Tensor Pivots => _weight.Pivots;

    /// <summary>A, (r, in).</summary>
    public Parameter Rows => _weight.Rows;

    /// <summary>C, (out - r, r).</summary>
    public Parameter Others => _weight.Others;

    /// <summary>b, or null.</summary>
    public Parameter? Bias => _hasBias ? get_parameter("bias") : null;

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor kept = input.matmul(Rows.t());
        Tensor y = cat([kept, kept.matmul(Others.t())], -1).index_select(-1, _weight.Places());
        return (Bias is { } bias ? y.add(bias) : y).MoveToOuterDisposeScope();
    }

    /// <summary>The dense layer that it stands for, on its device and in its type; parameters are copies.</summary>
    public Linear ToDense()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable frozen = no_grad();
        Linear layer = PairFactory.New(InFeatures, OutFeatures, _hasBias, Rows);
        layer.weight!.copy_(cat([Rows, Others.mm(Rows)], 0).index_select(0, _weight.Places()));
        layer.weight!.requires_grad = Rows.requires_grad || Others.requires_grad;
        return LinearFactors.Finished(layer, Bias, training);
    }

    /// <summary>Whether shapes are those of a pivoted pair.</summary>
    internal static bool Fits(long[] pivots, long[] rows, long[] others) =>
        pivots is [var outputs] && rows is [> 0 and var rank, > 0] && rank < outputs && others.SequenceEqual([outputs - rank, rank]);
}
