using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Training;

/// <summary>
/// Adam (Kingma and Ba, 2015), and with decay AdamW: the decay is taken off the weight and not added to the gradient (Loshchilov and
/// Hutter, 2019). m = b1 m + (1 - b1) g, s = b2 s + (1 - b2) g^2, w = (1 - rate decay) w - rate (m / (1 - b1^t)) / (sqrt(s / (1 - b2^t)) +
/// epsilon).
/// </summary>
/// <param name="settings">Rate and memories; null for the defaults.</param>
/// <param name="decayMatricesOnly">Whether biases and the weights of norms, which have one dimension, do not decay.</param>
public sealed class Adam(AdamSettings? settings = null, bool decayMatricesOnly = false) : Optimizer
{
    private static readonly string[] s_names = ["mean", "square"];
    private readonly AdamSettings _settings = settings ?? new();

    /// <inheritdoc/>
    public override string Description => FormattableString.Invariant(
        $"AdamW(rate={_settings.Rate:R}, decay={_settings.Decay:R}, beta1={_settings.Beta1:R}, beta2={_settings.Beta2:R}, epsilon={_settings.Epsilon:R}, matrices={decayMatricesOnly})");

    /// <inheritdoc/>
    protected override IReadOnlyList<string> MemoryNames => s_names;

    /// <inheritdoc/>
    protected override void Update(INetworkEngine engine, Parameter parameter, ITensor gradient, IReadOnlyList<ITensor> memory, CancellationToken ct)
    {
        bool decays = !decayMatricesOnly || parameter.Shape.Count > 1;
        AdamSettings now = _settings with { Rate = _settings.Rate * RateFactor, Decay = decays ? _settings.Decay : 0 };
        engine.Adam(now, StepNumber, parameter.Value, gradient, memory[0], memory[1], ct);
    }
}
