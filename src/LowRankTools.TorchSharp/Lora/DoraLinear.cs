using LowRankTools.Numerics;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Lora;

/// <summary>
/// A linear layer whose change is learned in length and direction apart (Liu et al., "DoRA", 2024): V = W + s B A, y = x (c V)^T + b with c_i = m_i
/// over the length of V's row i. Gradients are those of the formula. Dropout reaches the pair alone.
/// </summary>
public sealed class DoraLinear : LoraModule
{
    private const string MagnitudeName = "lora_magnitude_vector";

    /// <summary>Creates a layer on parameters that are there already; the weight is frozen, and m are its rows' lengths.</summary>
    /// <param name="weight">W, out x in.</param>
    /// <param name="bias">b, out, or null.</param>
    /// <param name="options">Rank, alpha, dropout.</param>
    /// <exception cref="LowRankToolsException">RankNotPositive; LoraOptionsInvalid: groups, starts from the weight and fan_in_fan_out are for other layers.</exception>
    public DoraLinear(Parameter weight, Parameter? bias, LoraOptions options)
        : this(weight, bias, options with { Dora = true }, LoraLinear.Start(weight, weight.shape[0], (options with { Dora = false }).CheckedPlain("layers with DoRA").Rank))
    {
    }

    private DoraLinear(Parameter weight, Parameter? bias, LoraOptions options, (Parameter A, Parameter B) pair)
        : base(nameof(DoraLinear), options, weight, bias, pair.A, pair.B)
    {
        using DisposeScope scope = NewDisposeScope();
        register_parameter(MagnitudeName, Own(weight.detach().norm(1)));
    }

    /// <summary>m, out: the lengths of the rows of the weight that the layer stands for.</summary>
    public Parameter Magnitude => get_parameter(MagnitudeName)!;

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        if (Merged() is { } merged) return nn.functional.linear(input, merged, Bias).MoveToOuterDisposeScope();
        Tensor directions = Directions(), factors = Factors(directions);
        if (!training || Options.Dropout == 0) return nn.functional.linear(input, factors.unsqueeze(1) * directions, Bias).MoveToOuterDisposeScope();
        Tensor dropped = nn.functional.dropout(input, Options.Dropout, training: true);
        Tensor y = input.matmul(Weight.t()).add(dropped.matmul(A.t()).matmul(B.t()), Options.Scaling) * factors;
        return (Bias is { } bias ? y + bias : y).MoveToOuterDisposeScope();
    }

    /// <summary>c (W + s B A) - W, the caller's; gradients flow through it.</summary>
    public override Tensor Delta()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor directions = Directions();
        return ((Factors(directions).unsqueeze(1) * directions) - Weight).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> ToDense()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable frozen = no_grad();
        Linear layer = nn.Linear(Weight.shape[1], Weight.shape[0], Bias is not null);
        layer.weight = Own(Sum());
        if (Bias is { } bias) layer.bias = Own(bias.detach().clone());
        layer.train(training);
        return layer;
    }

    private Tensor Directions() => Weight.add(B.mm(A), Options.Scaling);

    // A row of zeros has no direction and stays zero.
    private Tensor Factors(Tensor directions)
    {
        Tensor lengths = directions.norm(1);
        return Magnitude / lengths.masked_fill(lengths == 0, 1);
    }
}
