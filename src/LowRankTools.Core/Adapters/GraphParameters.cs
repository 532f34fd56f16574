using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Models;
using LowRankTools.Formats.Onnx;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Adapters;

/// <summary>
/// The inputs of an ONNX graph that an adapter's factors are put to. ONNX Runtime puts them there by name alone, and refuses a name, a type or a
/// size that is not the graph's when it runs; here that is said when the file is made.
/// </summary>
internal sealed class GraphParameters
{
    /// <summary>More problems than this are counted and not told.</summary>
    private const int NamedProblems = 5;

    private readonly Dictionary<string, Place> _places;
    private readonly OnnxFile _graph;

    private GraphParameters(OnnxFile graph, Dictionary<string, Place> places) => (_graph, _places) = (graph, places);

    /// <summary>The inputs of a graph that are called as both factors of a module.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="source">The adapter, for errors.</param>
    /// <exception cref="LowRankToolsException"><c>AdapterDoesNotFit</c>: there are none.</exception>
    public static GraphParameters Of(OnnxFile graph, ModelSource source)
    {
        Dictionary<string, (OnnxInput? A, OnnxInput? B)> found = new(StringComparer.Ordinal);
        foreach (OnnxInput input in graph.Inputs)
        {
            if (AdapterKey.Of(input.Name) is not { Part: AdapterPart.A or AdapterPart.B } key)
                continue;
            (OnnxInput? a, OnnxInput? b) = found.GetValueOrDefault(key.Module);
            found[key.Module] = key.Part == AdapterPart.A ? (input, b) : (a, input);
        }
        Dictionary<string, Place> places = found.Where(f => f.Value is { A: not null, B: not null })
            .ToDictionary(f => f.Key, f => new Place(f.Key, f.Value.A!, f.Value.B!), StringComparer.Ordinal);
        return places.Count > 0 ? new GraphParameters(graph, places)
            : throw new LowRankToolsException(CoreErrors.AdapterDoesNotFit, $"{source.Path}: {graph.Path} has no inputs for factors, such as 'X.lora_A.weight' and 'X.lora_B.weight'.",
                "Export the graph with the factors as optional inputs, as Olive does, or leave -BasePath out to keep the adapter's names.");
    }

    /// <summary>Element type that the graph wants of all factors; null where it does not say.</summary>
    /// <exception cref="LowRankToolsException"><c>AdapterUnsupported</c>: not of all the same.</exception>
    public TensorDType? DType
    {
        get
        {
            TensorDType[] types = [.. _places.Values.SelectMany(p => new[] { p.A.DType, p.B.DType }).OfType<TensorDType>().Distinct()];
            return types.Length <= 1 ? types.Cast<TensorDType?>().FirstOrDefault()
                : throw new LowRankToolsException(CoreErrors.AdapterUnsupported, $"{_graph.Path}: inputs for factors are of several types, {string.Join(", ", types)}.", "Export the graph with one type for all of them.");
        }
    }

    /// <summary>The inputs of every module of an adapter, by the module's name.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="rank">Rank that a module will have.</param>
    /// <exception cref="LowRankToolsException"><c>AdapterDoesNotFit</c>: a module has no inputs, or factors of other sizes than they.</exception>
    public IReadOnlyDictionary<string, Place> Find(Adapter adapter, Func<AdapterModule, int> rank)
    {
        IReadOnlyDictionary<string, Place?> found = new ModuleNames<Place>(_places, family: null).Find(adapter.Modules.Select(m => m.Name));
        List<string> problems = [];
        HashSet<Place> taken = [];
        foreach (AdapterModule module in adapter.Modules)
        {
            if (found[module.Name] is not { } place)
                problems.Add($"module '{module.Name}' has no inputs there");
            else if (!taken.Add(place))
                problems.Add($"module '{module.Name}' has the inputs of another one, '{place.A.Name}'");
            else if (!Fits(place.A, module.InFeatures, rank(module)) || !Fits(place.B, rank(module), module.OutFeatures))
                problems.Add($"module '{module.Name}' has factors of {module.InFeatures} x {rank(module)} and {rank(module)} x {module.OutFeatures} for inputs of {Sizes(place.A)} and {Sizes(place.B)}");
        }
        return problems.Count == 0 ? found.ToDictionary(f => f.Key, f => f.Value!, StringComparer.Ordinal)
            : throw new LowRankToolsException(CoreErrors.AdapterDoesNotFit, $"{adapter.Source.Path}: the adapter does not fit {_graph.Path}: {string.Join("; ", problems.Take(NamedProblems))}{(problems.Count > NamedProblems ? $"; and {problems.Count - NamedProblems} more" : "")}.", "Use the graph that was exported for this adapter; -Rank gives modules the rank of its inputs.");
    }

    // A size that is open takes any.
    private static bool Fits(OnnxInput input, long rows, long columns) => input.Shape is not { } shape || shape.Count == 2 && (shape[0] ?? rows) == rows && (shape[1] ?? columns) == columns;

    private static string Sizes(OnnxInput input) => string.Join(" x ", input.Shape!.Select(s => s is { } size ? FormattableString.Invariant($"{size}") : "any"));

    /// <summary>The inputs of one module.</summary>
    /// <param name="Module">What the graph calls the module.</param>
    /// <param name="A">Input of A, (in, r).</param>
    /// <param name="B">Input of B, (r, out).</param>
    internal sealed record Place(string Module, OnnxInput A, OnnxInput B);
}
