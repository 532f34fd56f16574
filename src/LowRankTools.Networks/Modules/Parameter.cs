using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Modules;

/// <summary>
/// A trained tensor with PyTorch's shape. Modules that share one object are tied: it is counted, loaded and trained once. A
/// parameter may know its shape only, so that a network of any size can be counted and printed without its memory.
/// </summary>
/// <param name="shape">Sizes, first dimension outermost.</param>
public sealed class Parameter(params int[] shape) : IDisposable
{
    private ITensor? _value, _gradient;
    private bool _summed;

    /// <summary>Sizes, first dimension outermost.</summary>
    public IReadOnlyList<int> Shape { get; } = shape;

    /// <summary>Number of entries.</summary>
    public long Length { get; } = shape.Aggregate(1L, (length, size) => checked(length * size));

    /// <summary>Whether it has its entries.</summary>
    public bool IsLoaded => _value is not null;

    /// <summary>Whether training changes it.</summary>
    public bool Trainable { get; set; } = true;

    /// <summary>Sum of the gradients since the last <see cref="ClearGradient"/>; null when there was none.</summary>
    public ITensor? Gradient => _summed ? _gradient : null;

    /// <summary>Gets or sets the entries. What was there before is disposed of.</summary>
    /// <exception cref="LowRankToolsException">ParameterNotLoaded, ShapesDoNotMatch.</exception>
    public ITensor Value
    {
        get => _value ?? throw new LowRankToolsException("ParameterNotLoaded", $"A ({string.Join(" x ", Shape)}) parameter has its shape only.", "Load weights, or build the network on an engine.");
        set
        {
            if (!value.Shape.SequenceEqual(Shape))
                throw new LowRankToolsException("ShapesDoNotMatch", $"({string.Join(" x ", value.Shape)}) is not the parameter's shape ({string.Join(" x ", Shape)}).");
            if (ReferenceEquals(value, _value)) return;
            FreeGradient();
            _value?.Dispose();
            _value = value;
        }
    }

    /// <summary>The gradient to add to, zero at first.</summary>
    public ITensor GradientOn(INetworkEngine engine)
    {
        ITensor gradient = GradientOn(engine, out double beta);
        if (beta == 0) engine.Fill(gradient, 0);
        return gradient;
    }

    /// <summary>The gradient for a product that is added to <paramref name="beta"/> times what is there: 0 at first, then 1.</summary>
    public ITensor GradientOn(INetworkEngine engine, out double beta)
    {
        beta = _summed ? 1 : 0;
        _summed = true;
        return _gradient ??= engine.Uninitialized(Value.ElementType, [.. Shape]);
    }

    /// <summary>Forgets the gradient. Its memory stays for the next one: fresh pages cost more than a small product.</summary>
    public void ClearGradient() => _summed = false;

    /// <summary>Frees entries and gradient; the shape stays.</summary>
    public void Dispose()
    {
        FreeGradient();
        _value?.Dispose();
        _value = null;
    }

    private void FreeGradient()
    {
        _summed = false;
        _gradient?.Dispose();
        _gradient = null;
    }
}

/// <summary>A parameter and its name in the state dict, such as <c>layers.0.weight</c>.</summary>
/// <param name="Name">PyTorch's name.</param>
/// <param name="Parameter">The parameter; the same object under several names where it is tied.</param>
public sealed record NamedParameter(string Name, Parameter Parameter);
