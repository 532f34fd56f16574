using System.Collections;
using System.Globalization;
using LowRankTools.Networks.Modules;

namespace LowRankTools.Networks.Layers;

/// <summary>Numbered modules that a parent walks itself.</summary>
/// <typeparam name="T">What they are.</typeparam>
public sealed class ModuleList<T> : Module, IReadOnlyList<T>
    where T : Module
{
    private readonly Slot<T>[] _slots;

    /// <summary>Creates a list; the modules' names are their numbers.</summary>
    public ModuleList(params IEnumerable<T> modules) =>
        _slots = [.. modules.Select((module, i) => AddChild(i.ToString(CultureInfo.InvariantCulture), module))];

    /// <inheritdoc/>
    public int Count => _slots.Length;

    /// <inheritdoc/>
    public override string TypeName => "ModuleList";

    /// <inheritdoc/>
    public T this[int index] => _slots[index].Module;

    /// <inheritdoc/>
    public IEnumerator<T> GetEnumerator() => _slots.Select(slot => slot.Module).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
