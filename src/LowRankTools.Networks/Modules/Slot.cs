using LowRankTools.Numerics;

namespace LowRankTools.Networks.Modules;

/// <summary>The named place of a child in its parent. Surgery puts another module there.</summary>
public abstract class Slot
{
    private protected Slot(string name) => Name = name;

    /// <summary>The child's name, one part of the names of its parameters.</summary>
    public string Name { get; }

    /// <summary>The child.</summary>
    public abstract Module Child { get; }

    /// <summary>Puts another module in this place; the old one is not disposed of.</summary>
    /// <exception cref="LowRankToolsException">ModuleNotReplaceable: the place is for another kind of module.</exception>
    public abstract void Replace(Module module);

    /// <summary>Fails as <see cref="Replace"/> would, and changes nothing.</summary>
    internal abstract void Require(Module module);
}

/// <inheritdoc/>
/// <typeparam name="T">What the parent needs there.</typeparam>
public sealed class Slot<T> : Slot
    where T : Module
{
    internal Slot(string name, T module)
        : base(name) => Module = module;

    /// <summary>The child as what the parent needs.</summary>
    public T Module { get; private set; }

    /// <inheritdoc/>
    public override Module Child => Module;

    /// <inheritdoc/>
    public override void Replace(Module module) => Module = Fitting(module);

    internal override void Require(Module module) => Fitting(module);

    private T Fitting(Module module) =>
        module as T ?? throw new LowRankToolsException("ModuleNotReplaceable", $"'{Name}' needs a {typeof(T).Name}, not a {module.GetType().Name}.");
}
