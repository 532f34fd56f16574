namespace LowRankTools.Networks.Modules;

/// <summary>
/// A part of a network: named parameters and named children, in the order in which they were added. Names and shapes are
/// PyTorch's, and so is the printed tree.
/// </summary>
public abstract class Module : IDisposable
{
    private readonly List<Slot> _children = [];
    private readonly List<NamedParameter> _parameters = [];

    /// <summary>The children's places, in order.</summary>
    public IReadOnlyList<Slot> Children => _children;

    /// <summary>This module's own parameters, without its children's.</summary>
    public IReadOnlyList<NamedParameter> OwnParameters => _parameters;

    /// <summary>The name that is printed, such as <c>Linear</c>.</summary>
    public virtual string TypeName => GetType().Name;

    /// <summary>What is printed in the brackets of a module without children.</summary>
    protected virtual string Arguments => string.Empty;

    /// <summary>Every parameter under every name it has: the keys of the state dict, in PyTorch's order.</summary>
    public IEnumerable<NamedParameter> StateDict() =>
        Modules().SelectMany(place => place.Module._parameters.Select(p => new NamedParameter(Join(place.Name, p.Name), p.Parameter)));

    /// <summary>Every parameter once, tied ones too.</summary>
    public IEnumerable<Parameter> Parameters() => StateDict().Select(p => p.Parameter).Distinct();

    /// <summary>Number of entries of all parameters, tied ones counted once.</summary>
    public long CountParameters(bool trainableOnly = false) => Parameters().Where(p => p.Trainable || !trainableOnly).Sum(p => p.Length);

    /// <summary>This module (its name is empty) and all below it, parents first.</summary>
    public IEnumerable<(string Name, Module Module)> Modules()
    {
        yield return (string.Empty, this);
        foreach (Slot slot in _children)
        {
            foreach ((string name, Module module) in slot.Child.Modules()) yield return (Join(slot.Name, name), module);
        }
    }

    /// <summary>Forgets all gradients.</summary>
    public void ClearGradients()
    {
        foreach (Parameter parameter in Parameters()) parameter.ClearGradient();
    }

    /// <summary>The tree as PyTorch prints it.</summary>
    public override string ToString()
    {
        if (_children.Count == 0) return $"{TypeName}({Arguments})";
        IEnumerable<string> lines = _children.Select(slot => $"  ({slot.Name}): {slot.Child.ToString().Replace("\n", "\n  ", StringComparison.Ordinal)}\n");
        return $"{TypeName}(\n{string.Concat(lines)})";
    }

    /// <summary>Frees all parameters, and whatever else modules hold.</summary>
    public void Dispose()
    {
        foreach ((_, Module module) in Modules()) module.FreeOwn();
        foreach (Parameter parameter in Parameters()) parameter.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees tensors that are neither parameters nor of a run.</summary>
    private protected virtual void FreeOwn()
    {
    }

    /// <summary>Adds a child.</summary>
    /// <typeparam name="T">What may stand in its place.</typeparam>
    protected Slot<T> AddChild<T>(string name, T module)
        where T : Module
    {
        var slot = new Slot<T>(name, module);
        _children.Add(slot);
        return slot;
    }

    /// <summary>Adds a parameter of this module, new or tied to one that another module has.</summary>
    protected Parameter AddParameter(string name, Parameter parameter)
    {
        _parameters.Add(new NamedParameter(name, parameter));
        return parameter;
    }

    private static string Join(string first, string second) =>
        first.Length == 0 ? second : second.Length == 0 ? first : $"{first}.{second}";
}
