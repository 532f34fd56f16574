using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Networks.Surgery;

/// <summary>One run of <see cref="LowRankSurgery.FactorizeLinear(Module, INetworkEngine, int, FactorizeLinearOptions?, CancellationToken)"/>.</summary>
internal sealed class LinearSurgery(Module root, INetworkEngine engine, Func<string, int?> plan, FactorizeLinearOptions options, CancellationToken ct)
{
    private readonly List<LinearPlace> _places = LinearPlace.All(root);
    private readonly Dictionary<Linear, LowRankLinear> _pairs = [];
    private readonly Dictionary<Parameter, (Parameter First, Parameter Second, double? Error)> _factors = [];
    private ulong _seed = options.Seed;

    public IReadOnlyList<LinearReplacement> Run()
    {
        Dictionary<LinearPlace, StaysDense> reasons = Reasons();
        List<LinearPlace> going = [.. _places.Where(place => reasons[place] == StaysDense.No)];

        // Nothing is replaced until every pair is there: an error leaves the network as it was.
        try
        {
            foreach (LinearPlace place in going)
            {
                ct.ThrowIfCancellationRequested();
                if (!_pairs.ContainsKey(place.Layer)) _pairs[place.Layer] = Pair(place.Layer, plan(place.Name)!.Value);
            }
        }
        catch
        {
            foreach ((Parameter first, Parameter second, _) in _factors.Values)
            {
                first.Dispose();
                second.Dispose();
            }

            throw;
        }

        List<LinearReplacement> results = [.. _places.Select(place => Result(place, reasons[place]))];
        foreach (LinearPlace place in going) place.Slot.Replace(_pairs[place.Layer]);
        foreach (Parameter weight in _factors.Keys) weight.Dispose();
        return results;
    }

    private LowRankLinear Pair(Linear layer, int rank)
    {
        if (!_factors.TryGetValue(layer.Weight, out (Parameter First, Parameter Second, double? Error) factors))
            _factors[layer.Weight] = factors = Factors(layer.Weight, rank);
        ElementType type = layer.Weight.IsLoaded ? layer.Weight.Value.ElementType : ElementType.Float32;
        ParameterFactory fresh = layer.Weight.IsLoaded ? new ParameterFactory(engine, type: type) : ParameterFactory.ShapesOnly;
        bool both = options.Bias == PairBias.Both;
        Parameter? second = layer.Bias ?? (both ? fresh.Constant(0, layer.OutFeatures) : null);
        return new LowRankLinear(new Linear(factors.First, both ? fresh.Constant(0, rank) : null), new Linear(factors.Second, second));
    }

    private (Parameter First, Parameter Second, double? Error) Factors(Parameter weight, int rank)
    {
        int rows = weight.Shape[0], columns = weight.Shape[1];
        if (!weight.IsLoaded) return (new Parameter(rank, columns), new Parameter(rows, rank), null);
        ElementType type = weight.Value.ElementType;
        ulong seed = _seed++;
        if (options.Initialization == PairInitialization.Random)
        {
            var factory = new ParameterFactory(engine, seed * 2, type);
            return (factory.Uniform(Linear.Bound(columns), rank, columns), factory.Uniform(Linear.Bound(rank), rows, rank), null);
        }

        using ITensor single = engine.Copy(weight.Value, ElementType.Float32);
        PrincipalFactors factors = PrincipalFactors.Of(engine, single, rank, divisor: 1, seed, ct);
        return (Loaded(factors.First, type), Loaded(factors.Second, type), factors.RelativeError);
    }

    private Parameter Loaded(Matrix<float> matrix, ElementType type)
    {
        var parameter = new Parameter(matrix.Rows, matrix.Columns);
        ITensor tensor = engine.Adopt(matrix, matrix.Rows, matrix.Columns);
        parameter.Value = type == ElementType.Float32 ? tensor : engine.Copy(tensor, type);
        if (type != ElementType.Float32) tensor.Dispose();
        return parameter;
    }

    private Dictionary<LinearPlace, StaysDense> Reasons()
    {
        Dictionary<LinearPlace, StaysDense> reasons = _places.ToDictionary(place => place, Own);
        ILookup<Parameter, Module> owners = root.Modules().SelectMany(m => m.Module.OwnParameters.Select(p => (p.Parameter, m.Module))).ToLookup(p => p.Parameter, p => p.Module);

        // One that shares its weight, or itself, with what stays, stays too; that may hold others back in turn.
        bool changed;
        do
        {
            HashSet<Module> staying = [.. _places.Where(place => reasons[place] != StaysDense.No).Select(place => place.Layer)];
            changed = false;
            foreach (LinearPlace place in _places.Where(place => reasons[place] == StaysDense.No))
            {
                if (!staying.Contains(place.Layer) && owners[place.Layer.Weight].All(owner => owner is Linear && !staying.Contains(owner))) continue;
                reasons[place] = StaysDense.TiedToDense;
                changed = true;
            }
        }
        while (changed);
        return reasons;
    }

    private StaysDense Own(LinearPlace place)
    {
        if (options.Include?.Invoke(place.Name) == false || options.Exclude?.Invoke(place.Name) == true || plan(place.Name) is not { } rank) return StaysDense.Excluded;
        if (rank < 1) throw new LowRankToolsException("RankNotPositive", $"Rank {rank} of '{place.Name}' is below 1.", "Use a rank of at least 1.");
        long rows = place.Layer.OutFeatures, columns = place.Layer.InFeatures;
        return options.IncludeUnprofitable || rank * (rows + columns) < rows * columns ? StaysDense.No : StaysDense.BreakEven;
    }

    private LinearReplacement Result(LinearPlace place, StaysDense reason)
    {
        (int columns, int rows) = (place.Layer.InFeatures, place.Layer.OutFeatures);
        return reason == StaysDense.No
            ? new LinearReplacement(place.Name, columns, rows, _pairs[place.Layer].Rank, reason, _factors[place.Layer.Weight].Error)
            : new LinearReplacement(place.Name, columns, rows, null, reason, null);
    }
}

/// <summary>A linear layer, its name and its place. Those inside pairs are none.</summary>
internal sealed record LinearPlace(string Name, Slot Slot, Linear Layer)
{
    public static List<LinearPlace> All(Module root)
    {
        List<LinearPlace> places = [];
        Collect(root, string.Empty, places);
        return places;
    }

    private static void Collect(Module module, string prefix, List<LinearPlace> places)
    {
        if (module is LowRankLinear or LowRankEmbedding) return;
        foreach (Slot slot in module.Children)
        {
            string name = prefix + slot.Name;
            if (slot.Child is Linear layer) places.Add(new LinearPlace(name, slot, layer));
            else Collect(slot.Child, name + ".", places);
        }
    }
}
