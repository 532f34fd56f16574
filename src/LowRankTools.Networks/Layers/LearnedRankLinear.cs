using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Layers;

/// <summary>
/// y = f((x V^T m) U^T + b): a linear layer in the directions of its singular vectors, each with a factor that is trained. An L1 penalty
/// on m, whose sum is at the start the nuclear norm of the weight, brings factors to exact zeros, and what is left is the layer's rank.
/// </summary>
public sealed class LearnedRankLinear : LinearLayer
{
    /// <summary>Creates a layer of parameters that are there already. Directions are frozen.</summary>
    /// <param name="directions">V, k x in.</param>
    /// <param name="mask">m, k.</param>
    /// <param name="outputs">U, out x k.</param>
    /// <param name="bias">b, out, or null.</param>
    public LearnedRankLinear(Parameter directions, Parameter mask, Parameter outputs, Parameter? bias)
    {
        if (directions.Shape[0] != mask.Length || outputs.Shape[1] != mask.Length)
            throw new LowRankToolsException("ShapesDoNotMatch", $"{mask.Length} factors are not one for each of {directions.Shape[0]} and {outputs.Shape[1]} directions.");
        Directions = AddParameter("v", directions);
        Mask = AddParameter("mask", mask);
        Outputs = AddParameter("u", outputs);
        if (bias is not null) Bias = AddParameter("bias", bias);
        directions.Trainable = outputs.Trainable = false;
    }

    /// <summary>V, k x in.</summary>
    public Parameter Directions { get; }

    /// <summary>m, k.</summary>
    public Parameter Mask { get; }

    /// <summary>U, out x k.</summary>
    public Parameter Outputs { get; }

    /// <summary>b, out, or null.</summary>
    public Parameter? Bias { get; }

    /// <inheritdoc/>
    public override int InFeatures => Directions.Shape[1];

    /// <inheritdoc/>
    public override int OutFeatures => Outputs.Shape[0];

    /// <inheritdoc/>
    public override bool HasBias => Bias is not null;

    /// <inheritdoc/>
    protected override string Arguments => $"in_features={InFeatures}, out_features={OutFeatures}, bias={HasBias}, directions={Mask.Length}";

    /// <summary>
    /// The proximal step of a penalty of <paramref name="amount"/> times |m|: each factor comes nearer to zero by that much, and stays
    /// there where it would change its sign (Daubechies, Defrise and De Mol, 2004).
    /// </summary>
    public void Shrink(INetworkEngine engine, double amount)
    {
        double[] mask = engine.ToArray(Mask.Value);
        for (int i = 0; i < mask.Length; i++) mask[i] = Math.Sign(mask[i]) * Math.Max(0, Math.Abs(mask[i]) - amount);
        using ITensor wide = engine.FromDoubles(mask, mask.Length), shrunk = engine.Copy(wide, Mask.Value.ElementType);

        // Into the same memory: another value would forget the gradient's.
        engine.AddScaled(1, shrunk, 0, Mask.Value);
    }

    /// <inheritdoc/>
    public override ITensor Forward(Pass pass, ITensor x, Activation activation)
    {
        INetworkEngine engine = pass.Engine;
        CancellationToken ct = pass.CancellationToken;
        int tokens = x.Shape[0], width = (int)Mask.Length;
        ITensor inner = pass.New(x, tokens, width), factors = pass.New(x, tokens, width), masked = pass.New(x, tokens, width);
        engine.MatMul(1, x, engine.Transpose(Directions.Value), 0, inner, ct);
        using (ITensor row = engine.Reshape(Mask.Value, 1, width)) engine.Gather(row, new int[tokens], factors, ct);
        engine.Gate(Activation.None, inner, factors, masked, ct);
        ITensor product = pass.New(x, tokens, OutFeatures);
        engine.MatMul(1, masked, engine.Transpose(Outputs.Value), 0, product, ct);
        bool kept = pass.IsTraining && activation != Activation.None;
        ITensor y = kept ? pass.New(x, tokens, OutFeatures) : product;
        if (Bias is not null || activation != Activation.None) engine.Activate(activation, product, Bias?.Value, y, ct);
        ITensor? before = kept ? product : null;
        pass.Save(this, new State(x, inner, factors, masked, before), x, inner, factors, masked, before);
        foreach (ITensor made in (ITensor[])[inner, factors, masked]) pass.Release(made);
        if (kept) pass.Release(product);
        return y;
    }

    /// <inheritdoc/>
    public override ITensor Backward(Pass pass, ITensor gradient, Activation activation)
    {
        INetworkEngine engine = pass.Engine;
        CancellationToken ct = pass.CancellationToken;
        (ITensor x, ITensor inner, ITensor factors, ITensor masked, ITensor? product) = pass.Restore<State>(this);
        if (product is not null) engine.ActivateBackward(activation, product, Bias?.Value, gradient, gradient, ct);
        if (Bias is { Trainable: true }) engine.AddColumnSums(gradient, Bias.GradientOn(engine), ct);
        Product(engine, Outputs, gradient, masked, ct);
        using ITensor dMasked = pass.New(x, [.. inner.Shape]), dInner = pass.New(x, [.. inner.Shape]), dFactors = pass.New(x, [.. inner.Shape]);
        engine.MatMul(1, gradient, Outputs.Value, 0, dMasked, ct);
        gradient.Dispose();
        engine.GateBackward(Activation.None, inner, factors, dMasked, dInner, dFactors, ct);
        if (Mask.Trainable) engine.AddColumnSums(dFactors, Mask.GradientOn(engine), ct);
        Product(engine, Directions, dInner, x, ct);
        ITensor dx = pass.New(x, [.. x.Shape]);
        engine.MatMul(1, dInner, Directions.Value, 0, dx, ct);
        return dx;
    }

    // The gradient of a weight from those of its outputs and its inputs.
    private static void Product(INetworkEngine engine, Parameter weight, ITensor outputs, ITensor inputs, CancellationToken ct)
    {
        if (!weight.Trainable) return;
        ITensor total = weight.GradientOn(engine, out double beta);
        engine.MatMul(1, engine.Transpose(outputs), inputs, beta, total, ct);
    }

    private sealed record State(ITensor X, ITensor Inner, ITensor Factors, ITensor Masked, ITensor? Product);
}
