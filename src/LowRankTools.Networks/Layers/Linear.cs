using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Layers;

/// <summary>y = x W^T + b with W of out x in, as in PyTorch.</summary>
public sealed class Linear : LinearLayer
{
    /// <summary>Creates a layer that starts as PyTorch's does: uniform in +-1/sqrt(in).</summary>
    /// <param name="factory">Makes the parameters.</param>
    /// <param name="inFeatures">Features of an input.</param>
    /// <param name="outFeatures">Features of an output.</param>
    /// <param name="bias">Whether a bias is added.</param>
    public Linear(ParameterFactory factory, int inFeatures, int outFeatures, bool bias = true)
        : this(factory.Uniform(Bound(inFeatures), outFeatures, inFeatures), bias ? factory.Uniform(Bound(inFeatures), outFeatures) : null)
    {
    }

    /// <summary>Creates a layer of parameters that are there already, such as the table of an embedding.</summary>
    /// <param name="weight">W, out x in.</param>
    /// <param name="bias">b, out, or null.</param>
    public Linear(Parameter weight, Parameter? bias = null)
    {
        Weight = AddParameter("weight", weight);
        if (bias is not null) Bias = AddParameter("bias", bias);
    }

    /// <summary>W, out x in.</summary>
    public Parameter Weight { get; }

    /// <summary>b, out, or null.</summary>
    public Parameter? Bias { get; }

    /// <inheritdoc/>
    public override int InFeatures => Weight.Shape[1];

    /// <inheritdoc/>
    public override int OutFeatures => Weight.Shape[0];

    /// <inheritdoc/>
    public override bool HasBias => Bias is not null;

    /// <inheritdoc/>
    protected override string Arguments => $"in_features={InFeatures}, out_features={OutFeatures}, bias={HasBias}";

    /// <inheritdoc/>
    public override ITensor Forward(Pass pass, ITensor x, Activation activation)
    {
        pass.LinearInput?.Invoke(this, x);
        INetworkEngine engine = pass.Engine;
        ITensor product = pass.New(x, x.Shape[0], OutFeatures);
        engine.MatMul(1, x, engine.Transpose(Weight.Value), 0, product, pass.CancellationToken);
        if (activation == Activation.None)
        {
            pass.Save(this, new State(x, null), x);
            if (Bias is not null) engine.Activate(activation, product, Bias.Value, product, pass.CancellationToken);
            return product;
        }

        ITensor y = pass.IsTraining ? pass.New(x, x.Shape[0], OutFeatures) : product;
        engine.Activate(activation, product, Bias?.Value, y, pass.CancellationToken);
        if (!pass.IsTraining) return y;
        pass.Save(this, new State(x, product), x, product);
        pass.Release(product);
        return y;
    }

    /// <inheritdoc/>
    public override ITensor Backward(Pass pass, ITensor gradient, Activation activation)
    {
        INetworkEngine engine = pass.Engine;
        CancellationToken ct = pass.CancellationToken;
        (ITensor x, ITensor? product) = pass.Restore<State>(this);
        if (product is not null) engine.ActivateBackward(activation, product, Bias?.Value, gradient, gradient, ct);
        pass.LinearGradient?.Invoke(this, gradient);
        if (Bias is { Trainable: true }) engine.AddColumnSums(gradient, Bias.GradientOn(engine), ct);
        if (Weight.Trainable)
        {
            ITensor total = Weight.GradientOn(engine, out double beta);
            engine.MatMul(1, engine.Transpose(gradient), x, beta, total, ct);
        }

        ITensor dx = pass.New(x, [.. x.Shape]);
        engine.MatMul(1, gradient, Weight.Value, 0, dx, ct);
        gradient.Dispose();
        return dx;
    }

    internal static double Bound(int inFeatures) => inFeatures == 0 ? 0 : 1 / Math.Sqrt(inFeatures);

    private sealed record State(ITensor X, ITensor? Product);
}
