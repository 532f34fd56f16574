using LowRankTools.Numerics;
using LowRankTools.TorchSharp.Modules;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Lora;

/// <summary>
/// LoRA around a low-rank pair: y = W1 (W0 x + b0) + b1 + s dropout(x) A^T B^T, with A r x in and B out x r. The pair is frozen and keeps
/// its names, lora_A and lora_B stand beside them; what truncation lost can be learned back so. It is never merged into one matrix while it runs:
/// that would undo the pair. <see cref="ToPair"/> makes a pair of both.
/// </summary>
public sealed class LoraPair : nn.Module<Tensor, Tensor>, IOneLayer
{
    internal LoraPair(LowRankPair pair, LoraOptions options)
        : base(nameof(LoraPair))
    {
        (First, Second, Options) = (pair.First, pair.Second, options);
        register_module("0", First);
        register_module("1", Second);
        (Parameter a, Parameter b) = LoraLinear.Start(First.weight!, Second.weight!.shape[0], options.Rank);
        register_parameter("lora_A", a);
        register_parameter("lora_B", b);
        foreach (Linear layer in Layers) layer.weight!.requires_grad = false;
    }

    /// <summary>W0 (k x in), and b0 where there is one.</summary>
    public Linear First { get; }

    /// <summary>W1 (out x k), and b1 where there is one.</summary>
    public Linear Second { get; }

    /// <summary>Rank, factor and dropout; the rest of the options is for layers with one weight.</summary>
    public LoraOptions Options { get; }

    /// <summary>A, r x in.</summary>
    public Parameter A => get_parameter("lora_A")!;

    /// <summary>B, out x r.</summary>
    public Parameter B => get_parameter("lora_B")!;

    /// <summary>Both layers of the pair.</summary>
    internal Linear[] Layers => [First, Second];

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor dropped = training && Options.Dropout > 0 ? nn.functional.dropout(input, Options.Dropout, training: true) : input;
        return Second.call(First.call(input)).add(dropped.matmul(A.t()).matmul(B.t()), Options.Scaling).MoveToOuterDisposeScope();
    }

    /// <summary>s B A, out x in, the caller's.</summary>
    public Tensor Delta()
    {
        using DisposeScope scope = NewDisposeScope();
        return B.mm(A).mul(Options.Scaling).MoveToOuterDisposeScope();
    }

    /// <summary>One pair that computes what this one does in use, exactly: [W0; A] and [W1, s B]. Its rank is the sum of both.</summary>
    public LowRankPair ToPair()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable frozen = no_grad();
        Tensor? inner = First.bias;
        LowRankPair pair = PairFactory.Of(
            cat([First.weight!, A], 0), inner is null ? null : cat([inner, zeros(Options.Rank, inner.dtype, inner.device)], 0),
            cat([Second.weight!, B.mul(Options.Scaling)], 1), Second.bias);
        pair.train(training);
        return pair;
    }

    /// <summary>Fails for options that need one weight.</summary>
    internal static void Check(LoraOptions options, string name)
    {
        if (options.Start != LoraStart.Zero || options.EnabledGroups is not null || options.Dora)
            throw new LowRankToolsException("LoraOptionsInvalid", $"'{name}' is a low-rank pair: LoRA around it starts at zero and has neither groups nor DoRA.", "Leave it out, or make it dense with MergePairs first.");
    }
}
