using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Training;

/// <summary>
/// Stochastic gradient descent: v = momentum v + g + decay w, w = w - rate v; with Nesterov's look ahead w = w - rate (g + decay w +
/// momentum v). PyTorch's formula: the rate stands outside the memory (Sutskever et al., 2013).
/// </summary>
/// <param name="rate">Learning rate.</param>
/// <param name="momentum">Share of the last direction that is kept; 0 remembers nothing.</param>
/// <param name="decay">Factor of the squared weights in the loss, halved.</param>
/// <param name="nesterov">Whether to look ahead.</param>
public sealed class Sgd(double rate, double momentum = 0, double decay = 0, bool nesterov = false) : Optimizer
{
    /// <inheritdoc/>
    public override string Description => FormattableString.Invariant($"SGD(rate={rate:R}, momentum={momentum:R}, decay={decay:R}, nesterov={nesterov})");

    /// <inheritdoc/>
    protected override IReadOnlyList<string> MemoryNames => momentum == 0 ? [] : ["velocity"];

    /// <inheritdoc/>
    protected override void Update(INetworkEngine engine, Parameter parameter, ITensor gradient, IReadOnlyList<ITensor> memory, CancellationToken ct)
    {
        if (decay != 0) engine.AddScaled(decay, parameter.Value, 1, gradient);
        ITensor direction = gradient;
        if (momentum != 0)
        {
            engine.AddScaled(1, gradient, momentum, memory[0]);
            if (nesterov) engine.AddScaled(momentum, memory[0], 1, gradient);
            else direction = memory[0];
        }

        engine.AddScaled(-rate * RateFactor, direction, 1, parameter.Value);
    }
}
