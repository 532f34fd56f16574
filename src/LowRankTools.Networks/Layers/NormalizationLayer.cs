using System.Globalization;
using LowRankTools.Numerics;

namespace LowRankTools.Networks;

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

/// <summary>(x - mean) / sqrt(variance + epsilon) weight + bias for each token (Ba, Kiros and Hinton, 2016).</summary>
/// <param name="factory">Makes the parameters: ones and zeros.</param>
/// <param name="features">Features of a token.</param>
/// <param name="epsilon">What keeps a row of zeros finite.</param>
/// <param name="bias">Whether there is a bias.</param>
public sealed class LayerNorm(ParameterFactory factory, int features, double epsilon = 1e-5, bool bias = true)
    : NormalizationLayer(Normalization.Layer, epsilon, factory.Constant(1, features), bias ? factory.Constant(0, features) : null)
{
    /// <inheritdoc/>
    protected override string Arguments => $"({Weight!.Shape[0]},), eps={EpsilonText}, elementwise_affine=True";
}

/// <summary>x / sqrt(mean of x^2 + epsilon) weight for each token (Zhang and Sennrich, 2019).</summary>
/// <param name="factory">Makes the parameter: ones.</param>
/// <param name="features">Features of a token.</param>
/// <param name="epsilon">What keeps a row of zeros finite.</param>
public sealed class RmsNorm(ParameterFactory factory, int features, double epsilon = 1e-6)
    : NormalizationLayer(Normalization.RootMeanSquare, epsilon, factory.Constant(1, features), null)
{
    /// <inheritdoc/>
    public override string TypeName => "RMSNorm";

    /// <inheritdoc/>
    protected override string Arguments => $"({Weight!.Shape[0]},), eps={EpsilonText}";
}
