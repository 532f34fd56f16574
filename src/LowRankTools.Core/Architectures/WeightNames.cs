using LowRankTools.Core.Layers;

namespace LowRankTools.Core.Architectures;

/// <summary>
/// A model's tensors under the names that the network gives them. Files differ: a part of a model is saved without the
/// prefix that the whole has (<c>h.0.ln_1.weight</c> and <c>transformer.h.0.ln_1.weight</c>), data-parallel training
/// adds <c>module.</c>, and versions of a library name the same thing differently.
/// </summary>
internal sealed class WeightNames
{
    private const string Parallel = "module.";
    private const string Pivots = ".weight.pivots";

    /// <summary>What stands beside the prefixed part, never in it.</summary>
    private static readonly string[] s_heads = ["cls.", "classifier.", "lm_head."];

    private readonly Dictionary<string, ModelLayer> _byName = new(StringComparer.Ordinal);

    /// <summary>Gives names.</summary>
    /// <param name="layers">The model's tensors.</param>
    /// <param name="name">The network's name for a tensor of the file.</param>
    public WeightNames(IEnumerable<ModelLayer> layers, Func<string, string> name)
    {
        foreach (ModelLayer layer in layers)
            _byName.TryAdd(name(layer.Shape.Name), layer);
    }

    /// <summary>No weights: of a configuration that stands alone.</summary>
    public static WeightNames None { get; } = new([], name => name);

    /// <summary>Every tensor by the network's name.</summary>
    public IReadOnlyDictionary<string, ModelLayer> All => _byName;

    /// <summary>The names of a PyTorch model, whose main part the network calls <paramref name="prefix"/>.</summary>
    public static WeightNames PyTorch(IReadOnlyList<ModelLayer> layers, string prefix)
    {
        bool parallel = layers.All(l => l.Shape.Name.StartsWith(Parallel, StringComparison.Ordinal));
        List<string> names = [.. layers.Select(l => parallel ? l.Shape.Name[Parallel.Length..] : l.Shape.Name)];
        bool whole = prefix.Length == 0 || names.Any(n => n.StartsWith(prefix, StringComparison.Ordinal));
        return new WeightNames(layers, name =>
        {
            string bare = parallel ? name[Parallel.Length..] : name;
            string modern = Modern(bare);
            bool head = s_heads.Any(h => modern.StartsWith(h, StringComparison.Ordinal));
            return whole || head ? modern : prefix + modern;
        });
    }

    /// <summary>The name that today's version of the model's own library gives.</summary>
    private static string Modern(string name) => name
        .Replace("LayerNorm.gamma", "LayerNorm.weight", StringComparison.Ordinal)
        .Replace("LayerNorm.beta", "LayerNorm.bias", StringComparison.Ordinal)
        // x-transformers had one more module without weights in its feed-forward at times.
        .Replace(".1.net.3.", ".1.net.2.", StringComparison.Ordinal);

    /// <summary>Whether there are weights for a module, dense or as factors.</summary>
    public bool Holds(string module) => _byName.ContainsKey(module + ".weight") || _byName.ContainsKey(module + ".0.weight") || _byName.ContainsKey(module + ".weight.core0") || _byName.ContainsKey(module + Pivots);

    /// <summary>Rows of a stored tensor or of the factors that stand for it: entries of an embedding; zero where there is none.</summary>
    public int Rows(string module) => Size(module + ".weight", 0) ?? Size(module + ".0.weight", 0) ?? Size(module + Pivots, 0) ?? CoreRows(module) ?? 0;

    /// <summary>Outputs of a linear map in PyTorch's orientation, dense or as factors; zero where there is none.</summary>
    public int Outputs(string module) => Size(module + ".weight", 0) ?? Size(module + ".1.weight", 0) ?? Size(module + Pivots, 0) ?? CoreRows(module) ?? 0;

    /// <summary>Length of a vector; zero where there is none.</summary>
    public int Length(string tensor) => Size(tensor, 0) ?? 0;

    /// <summary>Length of a module's bias, or of that of the second half of its pair; zero where there is none.</summary>
    public int BiasLength(string module) => Size(module + ".bias", 0) ?? Size(module + ".1.bias", 0) ?? 0;

    /// <summary>Rows of a TT-matrix; null where there is none.</summary>
    private int? CoreRows(string module)
    {
        long rows = 1;
        for (int k = 0; Size(FormattableString.Invariant($"{module}.weight.core{k}"), 1) is { } digits; k++)
            rows = Math.Min(int.MaxValue, rows * digits);
        return Size(module + ".weight.core0", 1) is null ? null : (int)rows;
    }

    private int? Size(string tensor, int dimension) =>
        _byName.TryGetValue(tensor, out ModelLayer? layer) && layer.Shape.Shape.Count > dimension
            ? (int)Math.Min(layer.Shape.Shape[dimension], int.MaxValue) : null;
}
