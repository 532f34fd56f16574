using LowRankTools.Core.Adapters;
using LowRankTools.Core.Models;
using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Lora;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Architectures;

/// <summary>
/// Puts an adapter beside the weights of a network that runs, so that its factors are multiplied and no weight changes: pairs as
/// <see cref="LoraLinear"/>, with DoRA's lengths as <see cref="DoraLinear"/>, LoTR as <see cref="LotrLinear"/> with one L and R for all layers of a group.
/// </summary>
internal static class AdapterPlacement
{
    /// <summary>Places all modules of an adapter.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="model">The model that the network was loaded from, still open.</param>
    /// <param name="network">The loaded network.</param>
    /// <param name="fileNames">For each parameter of the network the name of its tensor in the file.</param>
    /// <param name="engine">Where the network's parameters live.</param>
    /// <param name="cancellationToken">Stops between modules.</param>
    /// <returns>What was placed, in the order of the network; a layer in two places once.</returns>
    /// <exception cref="LowRankToolsException"><c>AdapterDoesNotFit</c>, <c>AdapterPartNotCarried</c>; <c>AdapterUnsupported</c>: it adapts what is no linear layer of the network.</exception>
    public static IReadOnlyList<(AdapterTarget Target, LinearLayer Layer)> Place(Adapter adapter, Model model, Module network, IReadOnlyDictionary<string, string> fileNames, INetworkEngine engine, CancellationToken cancellationToken)
    {
        adapter.RefuseOthers(withMagnitudes: false);
        AdapterFit fit = AdapterFit.Of(adapter, model);
        fit.Require();
        Dictionary<string, string> names = fileNames.ToDictionary(n => n.Value, n => n.Key, StringComparer.Ordinal);
        Dictionary<string, AdapterTarget> targets = new(StringComparer.Ordinal);
        foreach (AdapterTarget target in fit.Targets)
        {
            if (names.TryGetValue(target.Layer.Tensor.Name, out string? name))
                targets[name] = target;
        }
        Dictionary<Module, LinearLayer> made = new(ReferenceEqualityComparer.Instance);
        List<(AdapterTarget, LinearLayer)> all = [];
        Dictionary<object, Parameter> shared = new(ReferenceEqualityComparer.Instance);
        HashSet<AdapterTarget> placed = [];
        foreach ((string name, Slot slot) in Linears(network, ""))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!targets.TryGetValue(name + ".weight", out AdapterTarget? target))
                continue;
            if (!made.TryGetValue(slot.Child, out LinearLayer? layer))
            {
                made[slot.Child] = layer = Layer(target, (Linear)slot.Child, shared, engine, cancellationToken);
                all.Add((target, layer));
            }
            slot.Replace(layer);
            placed.Add(target);
        }
        if (fit.Targets.FirstOrDefault(t => !placed.Contains(t)) is { } odd)
            throw new LowRankToolsException(CoreErrors.AdapterUnsupported, $"{adapter.Source.Path}: module '{odd.Module.Name}' is no linear layer of the network.", "Merge the adapter into its base with Merge-LoraAdapter and run that.");
        return all;
    }

    private static LinearLayer Layer(AdapterTarget target, Linear linear, Dictionary<object, Parameter> shared, INetworkEngine engine, CancellationToken cancellationToken)
    {
        AdapterModule module = target.Module;
        LoraOptions options = new(module.Rank) { Alpha = module.Scaling * module.Rank };
        // Rows in another order make L another one than the group's.
        if (module.Core is not null && target.Order == RowOrder.Same)
        {
            Parameter left = Shared(module.B, () => module.ReadLeft(cancellationToken)), right = Shared(module.A, () => module.ReadA(cancellationToken));
            return new LotrLinear(linear.Weight, linear.Bias, left, Loaded(engine, module.ReadCore(cancellationToken)), right, options);
        }
        (LinearLayer layer, Parameter first, Parameter second) = module.Magnitude is null
            ? Plain(new LoraLinear(ParameterFactory.ShapesOnly, linear.Weight, linear.Bias, options))
            : Decomposed(new DoraLinear(ParameterFactory.ShapesOnly, linear.Weight, linear.Bias, options));
        Matrix<float> b = module.ReadB(cancellationToken);
        target.Order.Apply(b);
        second.Value = engine.Adopt(b, b.Rows, b.Columns);
        Matrix<float> a = module.ReadA(cancellationToken);
        first.Value = engine.Adopt(a, a.Rows, a.Columns);
        return layer;

        (LinearLayer, Parameter, Parameter) Plain(LoraLinear made) => (made, made.A, made.B);

        (LinearLayer, Parameter, Parameter) Decomposed(DoraLinear made)
        {
            using Matrix<float> magnitude = module.ReadMagnitude(cancellationToken);
            Matrix<float> column = Matrix<float>.From(magnitude.Columns, 1, magnitude.Row(0));
            target.Order.Apply(column);
            made.Magnitude.Value = engine.Adopt(column, column.Rows);
            return (made, made.A, made.B);
        }

        Parameter Shared(object tensor, Func<Matrix<float>> read) => shared.TryGetValue(tensor, out Parameter? parameter) ? parameter : shared[tensor] = Loaded(engine, read());
    }

    private static Parameter Loaded(INetworkEngine engine, Matrix<float> values) => new(values.Rows, values.Columns) { Value = engine.Adopt(values, values.Rows, values.Columns) };

    private static IEnumerable<(string Name, Slot Slot)> Linears(Module module, string prefix)
    {
        foreach (Slot slot in module.Children.ToArray())
        {
            string name = prefix + slot.Name;
            if (slot.Child is Linear)
                yield return (name, slot);
            else
                foreach ((string, Slot) place in Linears(slot.Child, name + "."))
                    yield return place;
        }
    }
}
