using System.Globalization;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Layers;

/// <summary>Brings the features of each token to one size.</summary>
public abstract class NormalizationLayer : Layer
{
    private readonly Normalization _kind;

    private protected NormalizationLayer(Normalization kind, double epsilon, Parameter? weight, Parameter? bias)
    {
        (_kind, Epsilon) = (kind, epsilon);
        if (weight is not null) Weight = AddParameter("weight", weight);
        if (bias is not null) Bias = AddParameter("bias", bias);
    }

    /// <summary>What keeps a row of zeros finite.</summary>
    public double Epsilon { get; }

    /// <summary>Factors, one a feature, or null for ones.</summary>
    public Parameter? Weight { get; }

    /// <summary>Summands, one a feature, or null for zeros.</summary>
    public Parameter? Bias { get; }

    /// <summary>Epsilon as Python prints it.</summary>
    private protected string EpsilonText => Epsilon.ToString("R", CultureInfo.InvariantCulture).Replace('E', 'e');

    /// <inheritdoc/>
    public override ITensor Forward(Pass pass, ITensor x)
    {
        ITensor y = pass.New(x, [.. x.Shape]);
        pass.Engine.Normalize(_kind, x, Weight?.Value, Bias?.Value, Epsilon, y, pass.CancellationToken);
        pass.Save(this, x, x);
        return y;
    }

    /// <inheritdoc/>
    public override ITensor Backward(Pass pass, ITensor gradient)
    {
        INetworkEngine engine = pass.Engine;
        ITensor? weightGradient = Weight is { Trainable: true } ? Weight.GradientOn(engine) : null;
        ITensor? biasGradient = Bias is { Trainable: true } ? Bias.GradientOn(engine) : null;
        engine.NormalizeBackward(_kind, pass.Restore<ITensor>(this), Weight?.Value, Epsilon, gradient, gradient, weightGradient, biasGradient, pass.CancellationToken);
        return gradient;
    }
}
