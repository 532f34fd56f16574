using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Lora;

/// <summary>
/// A linear layer with a frozen weight and a change of low tensor rank: y = f(x W^T + b + s x R^T M^T L^T), s = alpha / r. Layers of one shape
/// share L and R, and each has a small core M of its own (Bershatsky et al., "LoTR: Low Tensor Rank Weight Adaptation", 2024). A run
/// multiplies from the input on: tokens x (in r + r r + r out) products, and never the matrix L M R.
/// </summary>
public sealed class LotrLinear : AdaptedLinear, ILoraLayer
{
    /// <summary>Creates a layer on parameters that are there already; the weight is frozen.</summary>
    /// <param name="weight">W, out x in.</param>
    /// <param name="bias">b, out, or null.</param>
    /// <param name="left">L, out x p, which other layers may share.</param>
    /// <param name="core">M, p x q.</param>
    /// <param name="right">R, q x in, which other layers may share.</param>
    /// <param name="options">Alpha, over a rank of q; dropout, groups and the rest are for pairs.</param>
    /// <exception cref="LowRankToolsException">RankNotPositive, LoraOptionsInvalid, ShapesDoNotMatch.</exception>
    public LotrLinear(Parameter weight, Parameter? bias, Parameter left, Parameter core, Parameter right, LoraOptions options)
        : base(weight, bias, Checked(options))
    {
        if (left.Shape[0] != weight.Shape[0] || right.Shape[1] != weight.Shape[1] || core.Shape[0] != left.Shape[1] || core.Shape[1] != right.Shape[0] || core.Shape[1] != options.Rank)
            throw new LowRankToolsException("ShapesDoNotMatch", $"L, M and R of ({Text(left)}), ({Text(core)}) and ({Text(right)}) are no change of rank {options.Rank} of a ({Text(weight)}) weight.");
        Left = AddParameter("lotr_L", left);
        Core = AddParameter("lotr_M", core);
        Right = AddParameter("lotr_R", right);
        weight.Trainable = false;
    }

    /// <summary>L, out x p.</summary>
    public Parameter Left { get; }

    /// <summary>M, p x q.</summary>
    public Parameter Core { get; }

    /// <summary>R, q x in.</summary>
    public Parameter Right { get; }

    /// <summary>R: as a pair this layer is B = L M and A = R.</summary>
    Parameter ILoraLayer.A => Right;

    /// <summary>L: as a pair this layer is B = L M and A = R.</summary>
    Parameter ILoraLayer.B => Left;

    /// <inheritdoc/>
    public override ITensor Forward(Pass pass, ITensor x, Activation activation)
    {
        if (pass.IsTraining) LoraModes.RequireUnmerged(this, this);
        INetworkEngine engine = pass.Engine;
        CancellationToken ct = pass.CancellationToken;
        ITensor product = pass.New(x, x.Shape[0], OutFeatures);
        engine.MatMul(1, x, engine.Transpose(Merged ?? Weight.Value), 0, product, ct);
        ITensor? inner = null, mixed = null;
        if (Merged is null)
        {
            inner = pass.New(x, x.Shape[0], Right.Shape[0]);
            mixed = pass.New(x, x.Shape[0], Left.Shape[1]);
            engine.MatMul(1, x, engine.Transpose(Right.Value), 0, inner, ct);
            engine.MatMul(1, inner, engine.Transpose(Core.Value), 0, mixed, ct);
            engine.MatMul(Options.Scaling, mixed, engine.Transpose(Left.Value), 1, product, ct);
        }

        bool kept = pass.IsTraining && activation != Activation.None;
        ITensor y = kept ? pass.New(x, x.Shape[0], OutFeatures) : product;
        if (Bias is not null || activation != Activation.None) engine.Activate(activation, product, Bias?.Value, y, ct);
        if (inner is not null)
        {
            pass.Save(this, new State(x, inner, mixed!, kept ? product : null), x, inner, mixed, kept ? product : null);
            pass.Release(inner);
            pass.Release(mixed!);
        }

        if (kept) pass.Release(product);
        return y;
    }

    /// <inheritdoc/>
    public override ITensor Backward(Pass pass, ITensor gradient, Activation activation)
    {
        INetworkEngine engine = pass.Engine;
        CancellationToken ct = pass.CancellationToken;
        (ITensor x, ITensor inner, ITensor mixed, ITensor? product) = pass.Restore<State>(this);
        if (product is not null) engine.ActivateBackward(activation, product, Bias?.Value, gradient, gradient, ct);
        if (Bias is { Trainable: true }) engine.AddColumnSums(gradient, Bias.GradientOn(engine), ct);
        AddGradient(engine, Weight, 1, engine.Transpose(gradient), x, ct);
        AddGradient(engine, Left, Options.Scaling, engine.Transpose(gradient), mixed, ct);
        using ITensor dMixed = pass.New(x, [.. mixed.Shape]), dInner = pass.New(x, [.. inner.Shape]);
        engine.MatMul(Options.Scaling, gradient, Left.Value, 0, dMixed, ct);
        AddGradient(engine, Core, 1, engine.Transpose(dMixed), inner, ct);
        engine.MatMul(1, dMixed, Core.Value, 0, dInner, ct);
        AddGradient(engine, Right, 1, engine.Transpose(dInner), x, ct);
        ITensor dx = pass.New(x, [.. x.Shape]);
        engine.MatMul(1, gradient, Weight.Value, 0, dx, ct);
        engine.MatMul(1, dInner, Right.Value, 1, dx, ct);
        gradient.Dispose();
        return dx;
    }

    /// <inheritdoc/>
    public ITensor Delta(INetworkEngine engine, CancellationToken ct = default)
    {
        ITensor delta = engine.Create(Core.Value.ElementType, OutFeatures, InFeatures);
        AddDelta(engine, delta, ct);
        return delta;
    }

    private static LoraOptions Checked(LoraOptions options)
    {
        options.CheckPlain("layers that share factors");
        return options;
    }

    private protected override ITensor Sum(INetworkEngine engine, CancellationToken ct)
    {
        ITensor sum = engine.Copy(Weight.Value, Weight.Value.ElementType);
        AddDelta(engine, sum, ct);
        return sum;
    }

    private void AddDelta(INetworkEngine engine, ITensor sum, CancellationToken ct)
    {
        using ITensor product = engine.Uninitialized(Core.Value.ElementType, OutFeatures, Core.Shape[1]);
        engine.MatMul(1, Left.Value, Core.Value, 0, product, ct);
        engine.MatMul(Options.Scaling, product, Right.Value, 1, sum, ct);
    }

    private static string Text(Parameter parameter) => string.Join(" x ", parameter.Shape);

    private sealed record State(ITensor X, ITensor Inner, ITensor Mixed, ITensor? Product);
}
