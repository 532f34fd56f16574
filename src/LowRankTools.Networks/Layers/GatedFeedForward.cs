using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Layers;

/// <summary>y = (f(x G^T) x U^T) D^T, the product entry by entry: SwiGLU when f is SiLU (Shazeer, 2020).</summary>
public sealed class GatedFeedForward : Layer
{
    private readonly Slot<LinearLayer> _gate, _up, _down;
    private readonly Activation _activation;

    /// <summary>Creates a gated feed-forward of three linear layers, named as in Llama.</summary>
    /// <param name="gate">G.</param>
    /// <param name="up">U.</param>
    /// <param name="down">D.</param>
    /// <param name="activation">f.</param>
    /// <param name="names">Names of the three.</param>
    public GatedFeedForward(LinearLayer gate, LinearLayer up, LinearLayer down, Activation activation = Activation.Silu, (string Gate, string Up, string Down)? names = null)
    {
        _activation = activation;
        (string gateName, string upName, string downName) = names ?? ("gate_proj", "up_proj", "down_proj");
        _gate = AddChild(gateName, gate);
        _up = AddChild(upName, up);
        _down = AddChild(downName, down);
    }

    /// <inheritdoc/>
    public override ITensor Forward(Pass pass, ITensor x)
    {
        ITensor gate = _gate.Module.Forward(pass, x), up = _up.Module.Forward(pass, x);
        ITensor product = pass.IsTraining ? pass.New(x, [.. gate.Shape]) : gate;
        pass.Engine.Gate(_activation, gate, up, product, pass.CancellationToken);
        pass.Save(this, (gate, up), gate, up);
        if (pass.IsTraining) pass.Release(gate);
        pass.Release(up);
        return pass.Through(_down.Module, product);
    }

    /// <inheritdoc/>
    public override ITensor Backward(Pass pass, ITensor gradient)
    {
        gradient = _down.Module.Backward(pass, gradient);
        (ITensor gate, ITensor up) = pass.Restore<(ITensor, ITensor)>(this);
        ITensor dGate = pass.New(gate, [.. gate.Shape]), dUp = pass.New(gate, [.. gate.Shape]);
        pass.Engine.GateBackward(_activation, gate, up, gradient, dGate, dUp, pass.CancellationToken);
        gradient.Dispose();
        ITensor dx = _up.Module.Backward(pass, dUp), other = _gate.Module.Backward(pass, dGate);
        pass.Engine.AddScaled(1, other, 1, dx);
        other.Dispose();
        return dx;
    }
}
