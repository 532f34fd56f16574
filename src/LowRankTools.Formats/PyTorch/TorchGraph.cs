using System.Runtime.InteropServices;
using LowRankTools.Formats.PyTorch.Pickle;

namespace LowRankTools.Formats.PyTorch;

/// <summary>
/// Who holds whom in a pickle, and which values lead to a tensor. Computed once, without recursion: values may be
/// nested a million deep, shared many times and hold themselves.
/// </summary>
internal sealed class TorchGraph
{
    private const int None = -1;

    private readonly HashSet<object> _holders = new(ReferenceEqualityComparer.Instance);

    /// <summary>Walks everything that can be reached from <paramref name="root"/>.</summary>
    public TorchGraph(object root)
    {
        // For each container that was seen, the last of the links to it; each link names the one before.
        Dictionary<object, int> last = new(ReferenceEqualityComparer.Instance) { [root] = None };
        List<(object Parent, int Before)> links = [];
        Stack<object> open = new([root]);
        Stack<object> leading = new();
        while (open.TryPop(out object? value))
        {
            foreach (Child child in Children(value))
            {
                if (IsTensor(child.Value))
                {
                    if (_holders.Add(value))
                        leading.Push(value);
                    continue;
                }
                if (!IsContainer(child.Value))
                    continue;
                ref int link = ref CollectionsMarshal.GetValueRefOrAddDefault(last, child.Value, out bool seen);
                links.Add((value, seen ? link : None));
                link = links.Count - 1;
                if (!seen)
                    open.Push(child.Value);
            }
        }
        while (leading.TryPop(out object? value))
        {
            for (int link = last[value]; link != None; link = links[link].Before)
            {
                if (_holders.Add(links[link].Parent))
                    leading.Push(links[link].Parent);
            }
        }
    }

    /// <summary>Whether a tensor can be reached from the value, or it is one.</summary>
    public bool HoldsTensors(object value) => IsTensor(value) || _holders.Contains(value);

    /// <summary>What a value holds that can matter: a module's state, a container's items, an unknown object's everything.</summary>
    public static IEnumerable<Child> Children(object value)
    {
        if (TorchModule.Of(value) is { } module)
            return TorchModule.Children(module);
        return value switch
        {
            PickleDict dict => Entries(dict),
            PickleList list => Items(list.Items),
            PickleTuple tuple => Items(tuple.Items),
            PickleObject unknown => Parts(unknown),
            _ => [],
        };
    }

    private static IEnumerable<Child> Parts(PickleObject unknown)
    {
        IEnumerable<Child> parts = Items(unknown.Arguments.Items);
        if (unknown.State is PickleDict attributes)
            parts = parts.Concat(Entries(attributes));
        else if (unknown.State is not null)
            parts = parts.Append(new Child("", unknown.State, IsBuffer: false));
        if (unknown.Entries is not null)
            parts = parts.Concat(Entries(unknown.Entries));
        if (unknown.Elements is not null)
            parts = parts.Concat(Items(unknown.Elements.Items));
        return parts;
    }

    private static IEnumerable<Child> Entries(PickleDict dict) =>
        dict.Entries.Select(e => new Child(e.Key, e.Value, IsBuffer: false));

    private static IEnumerable<Child> Items(IEnumerable<object> items) =>
        items.Select((item, i) => new Child((long)i, item, IsBuffer: false));

    /// <summary>A tensor, or what stands in the place of one.</summary>
    private static bool IsTensor(object value) => value is TorchTensor or TorchFault;

    private static bool IsContainer(object value) => value is PickleDict or PickleList or PickleTuple or PickleObject;

    /// <summary>One held value.</summary>
    /// <param name="Name">Key, attribute or index; empty where the value adds nothing to the path.</param>
    /// <param name="Value">What is held.</param>
    /// <param name="IsBuffer">Whether it stands among a module's buffers.</param>
    internal readonly record struct Child(object Name, object Value, bool IsBuffer);
}
