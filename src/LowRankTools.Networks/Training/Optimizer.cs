using LowRankTools.Numerics;

namespace LowRankTools.Networks;

/// <summary>Changes parameters by their gradients.</summary>
public abstract class Optimizer
{
    /// <summary>One step for each trainable parameter that has a gradient; the gradients are forgotten.</summary>
    /// <param name="engine">Where the parameters live.</param>
    /// <param name="module">The network.</param>
    /// <param name="ct">Stops the step.</param>
    public void Step(INetworkEngine engine, Module module, CancellationToken ct = default)
    {
        StepNumber++;
        foreach (Parameter parameter in module.Parameters())
        {
            if (parameter is { Trainable: true, Gradient: { } gradient }) Update(engine, parameter, gradient, ct);
            parameter.ClearGradient();
        }
    }

    /// <summary>1 in the first step.</summary>
    protected int StepNumber { get; private set; }

    /// <summary>Changes one parameter.</summary>
    protected abstract void Update(INetworkEngine engine, Parameter parameter, ITensor gradient, CancellationToken ct);
}

/// <summary>Stochastic gradient descent: w = w - rate g.</summary>
/// <param name="rate">Learning rate.</param>
public sealed class Sgd(double rate) : Optimizer
{
    /// <inheritdoc/>
    protected override void Update(INetworkEngine engine, Parameter parameter, ITensor gradient, CancellationToken ct) =>
        engine.AddScaled(-rate, gradient, 1, parameter.Value);
}

/// <summary>Adam (Kingma and Ba, 2015), with decoupled decay (Loshchilov and Hutter, 2019).</summary>
/// <param name="settings">Rate and memories; null for the defaults.</param>
public sealed class Adam(AdamSettings? settings = null) : Optimizer, IDisposable
{
    private readonly AdamSettings _settings = settings ?? new();
    private readonly Dictionary<Parameter, (ITensor Mean, ITensor Square)> _memory = [];

    /// <summary>Frees the memories.</summary>
    public void Dispose()
    {
        foreach ((ITensor mean, ITensor square) in _memory.Values)
        {
            mean.Dispose();
            square.Dispose();
        }

        _memory.Clear();
    }

    /// <inheritdoc/>
    protected override void Update(INetworkEngine engine, Parameter parameter, ITensor gradient, CancellationToken ct)
    {
        if (!_memory.TryGetValue(parameter, out (ITensor Mean, ITensor Square) memory))
        {
            int[] shape = [.. parameter.Shape];
            _memory[parameter] = memory = (engine.Create(gradient.ElementType, shape), engine.Create(gradient.ElementType, shape));
        }

        engine.Adam(_settings, StepNumber, parameter.Value, gradient, memory.Mean, memory.Square, ct);
    }
}
