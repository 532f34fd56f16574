namespace LowRankTools.Core.Adapters;

/// <summary>
/// Finds what stands for the modules of an adapter by the names that it has for them: as they are, with or without the
/// names of the outermost containers, and with the dots made underscores as kohya does.
/// </summary>
/// <typeparam name="T">What is found: weights of a base model, inputs of a graph.</typeparam>
internal sealed class ModuleNames<T> where T : class
{
    // What kohya and those after it put before the names of each network's modules.
    private static readonly string[] s_networks = ["lora_unet_", "lora_te1_", "lora_te2_", "lora_te3_", "lora_te_", "lora_transformer_", "lora_prior_unet_"];

    // Containers around a whole model are few; a base with more outermost names is no such thing.
    private const int MostContainers = 64;

    private readonly IReadOnlyDictionary<string, T> _modules;
    private readonly Dictionary<string, T?> _flat = new(StringComparer.Ordinal);
    private readonly string[] _containers;
    private readonly GgufFamily? _family;

    /// <summary>Takes names in.</summary>
    /// <param name="modules">What stands for each module, by the module's name.</param>
    /// <param name="family">What llama.cpp calls the modules; null where it is not its model.</param>
    public ModuleNames(IReadOnlyDictionary<string, T> modules, GgufFamily? family)
    {
        (_modules, _family) = (modules, family);
        foreach ((string module, T target) in modules)
        {
            string flat = Flat(module);
            // Two modules of one flat name: neither is meant for certain.
            _flat[flat] = _flat.ContainsKey(flat) ? null : target;
        }
        _containers = [.. _modules.Keys.SelectMany(Containers).Distinct(StringComparer.Ordinal).Take(MostContainers)];
    }

    /// <summary>What stands for each module, by its name; null where there is none. One rule holds for all modules of a network.</summary>
    public IReadOnlyDictionary<string, T?> Find(IEnumerable<string> modules)
    {
        Dictionary<string, T?> found = new(StringComparer.Ordinal);
        foreach (IGrouping<string, string> network in modules.GroupBy(Network, StringComparer.Ordinal))
        {
            List<string> names = [.. network];
            Func<string, string>? best = null;
            int most = -1;
            foreach (Func<string, string> rule in Rules(network.Key))
            {
                int count = names.Count(n => Lookup(rule(n)) is not null);
                if (count > most)
                    (best, most) = (rule, count);
                if (most == names.Count)
                    break;
            }
            names.ForEach(n => found[n] = Lookup(best!(n)));
        }
        return found;
    }

    private IEnumerable<Func<string, string>> Rules(string network)
    {
        yield return name => name[network.Length..];
        yield return name => WithoutFirst(name[network.Length..]);
        yield return name => WithoutFirst(WithoutFirst(name[network.Length..]));
        if (_family is { } family)
            yield return name => family.ToGguf(name) ?? name;
        foreach (string container in _containers)
            yield return name => container + name[network.Length..];
    }

    private T? Lookup(string name) =>
        _modules.TryGetValue(name, out T? target) ? target : _flat.GetValueOrDefault(Flat(name)) is { } flat && !IsDotted(name) ? flat : null;

    // A name with dots says where its segments end: only one without them, but for a container's, may be anyone's.
    private bool IsDotted(string name) =>
        (Array.Find(_containers, c => name.StartsWith(c, StringComparison.Ordinal) && !name.AsSpan(c.Length).Contains('.')) is null) && name.Contains('.', StringComparison.Ordinal);

    private static string Network(string module) => Array.Find(s_networks, n => module.StartsWith(n, StringComparison.Ordinal)) ?? "";

    private static string WithoutFirst(string name) => name[(name.IndexOf('.', StringComparison.Ordinal) + 1)..];

    private static string Flat(string name) => name.Replace('.', '_');

    private static IEnumerable<string> Containers(string module)
    {
        int first = module.IndexOf('.', StringComparison.Ordinal);
        if (first < 0)
            yield break;
        yield return module[..(first + 1)];
        int second = module.IndexOf('.', first + 1);
        if (second >= 0)
            yield return module[..(second + 1)];
    }
}
