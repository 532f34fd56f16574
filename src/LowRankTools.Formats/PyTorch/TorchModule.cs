using LowRankTools.Formats.PyTorch.Pickle;

namespace LowRankTools.Formats.PyTorch;

/// <summary>The three dicts of a pickled <c>nn.Module</c> that its state dict is made of.</summary>
internal static class TorchModule
{
    /// <summary>The attributes of a module, or null where the value is none.</summary>
    public static PickleDict? Of(object value)
    {
        PickleDict? attributes = value switch
        {
            PickleDict dict => dict,
            PickleObject { State: PickleDict state } => state,
            // Modules that come with a function of their own, such as torch.fx, hand it their attributes first.
            PickleObject { Arguments.Items: [PickleDict first, ..] } => first,
            _ => null,
        };
        return attributes?.Get("_parameters") is PickleDict && attributes.Get("_modules") is PickleDict ? attributes : null;
    }

    /// <summary>What <c>state_dict</c> would list, in its order: parameters, buffers, then the children.</summary>
    public static IEnumerable<TorchGraph.Child> Children(PickleDict module)
    {
        HashSet<string> transient = module.Get("_non_persistent_buffers_set") is PickleList names
            ? names.Items.OfType<string>().ToHashSet(StringComparer.Ordinal) : [];
        foreach ((object name, object value) in Entries(module, "_parameters"))
            yield return new TorchGraph.Child(name, value, IsBuffer: false);
        foreach ((object name, object value) in Entries(module, "_buffers"))
        {
            if (name is not string text || !transient.Contains(text))
                yield return new TorchGraph.Child(name, value, IsBuffer: true);
        }
        foreach ((object name, object value) in Entries(module, "_modules"))
            yield return new TorchGraph.Child(name, value, IsBuffer: false);
    }

    private static IEnumerable<KeyValuePair<object, object>> Entries(PickleDict module, string name) =>
        module.Get(name) is PickleDict dict ? dict.Entries : [];
}
