using System.Globalization;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Layers;

/// <summary>Layers one after another. A linear layer and an activation behind it are computed as one.</summary>
public sealed class Sequential : Layer
{
    private readonly Slot<Layer>[] _layers;

    /// <summary>Creates a chain; the layers' names are their numbers.</summary>
    public Sequential(params Layer[] layers) =>
        _layers = [.. layers.Select((layer, i) => AddChild(i.ToString(CultureInfo.InvariantCulture), layer))];

    /// <summary>Creates a chain of named layers.</summary>
    public Sequential(IEnumerable<KeyValuePair<string, Layer>> layers) => _layers = [.. layers.Select(layer => AddChild(layer.Key, layer.Value))];

    /// <summary>Number of layers.</summary>
    public int Count => _layers.Length;

    /// <summary>Layer <paramref name="index"/>.</summary>
    public Layer this[int index] => _layers[index].Module;

    /// <inheritdoc/>
    public override ITensor Forward(Pass pass, ITensor x)
    {
        ITensor current = x;
        for (int i = 0; i < _layers.Length; i++)
        {
            ITensor next = FusedActivation(i) is { } activation
                ? ((LinearLayer)this[i++]).Forward(pass, current, activation)
                : this[i].Forward(pass, current);
            if (!ReferenceEquals(current, x) && !ReferenceEquals(current, next)) pass.Release(current);
            current = next;
        }

        return current;
    }

    /// <inheritdoc/>
    public override ITensor Backward(Pass pass, ITensor gradient)
    {
        for (int i = _layers.Length - 1; i >= 0; i--)
        {
            gradient = i > 0 && FusedActivation(i - 1) is { } activation
                ? ((LinearLayer)this[--i]).Backward(pass, gradient, activation)
                : this[i].Backward(pass, gradient);
        }

        return gradient;
    }

    // Of the layer behind a linear one.
    private Activation? FusedActivation(int index) =>
        this[index] is LinearLayer && index + 1 < _layers.Length && this[index + 1] is ActivationLayer { Activation: not Activation.None } next ? next.Activation : null;
}
