using LowRankTools.Core.Adapters;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Architectures;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Lora;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Training;

/// <summary>A layer of a network with an adapter's module beside its frozen weight, which is trained and written again.</summary>
/// <param name="Module">Name of the module, as the adapter has it.</param>
/// <param name="Weight">The weight in the base model's file.</param>
/// <param name="Layer">The layer.</param>
/// <param name="Order">Where the weight's rows lie against the adapter's.</param>
internal sealed record AdaptedLayer(string Module, ModelLayer Weight, ILoraLayer Layer, RowOrder Order)
{
    /// <summary>Puts an adapter beside the weights of a network.</summary>
    /// <exception cref="LowRankToolsException"><c>AdapterUnsupported</c>: it is in GGUF, shares factors between layers, or adapts what is no linear layer; <c>AdapterDoesNotFit</c>, <c>AdapterPartNotCarried</c>.</exception>
    public static IReadOnlyList<AdaptedLayer> Of(Adapter adapter, Model model, RunnableModel network, CancellationToken cancellationToken)
    {
        if (adapter.Modules.FirstOrDefault(m => m.Core is not null) is { } shared)
            throw new LowRankToolsException(CoreErrors.AdapterUnsupported, $"{adapter.Source.Path}: module '{shared.Name}' shares factors with others (LoTR), which are not trained here.", "Make pairs of it with Convert-LoraAdapter -Layout Peft.");
        if (adapter.Layout == AdapterLayout.Gguf)
            throw new LowRankToolsException(CoreErrors.AdapterUnsupported, $"{adapter.Source.Path}: an adapter in GGUF is not trained here.", "Convert it to Peft with Convert-LoraAdapter.");
        // Names of other layouts are not PEFT's: what is written has those of the base model.
        bool named = adapter.Layout == AdapterLayout.Peft;
        return [.. AdapterPlacement.Place(adapter, model, network.Network, network.Tensors, network.Engine, cancellationToken)
            .Select(placed => new AdaptedLayer(named ? placed.Target.Module.Name : LayerNames.Module(placed.Target.Layer.Shape.Name), placed.Target.Layer, (ILoraLayer)placed.Layer, placed.Target.Order))];
    }

    /// <summary>Puts fresh pairs, which change nothing yet, beside the chosen linear layers of a network.</summary>
    /// <exception cref="LowRankToolsException"><c>LayerNotFound</c>: none was chosen; <c>RankExceedsLayer</c>.</exception>
    public static IReadOnlyList<AdaptedLayer> Fresh(NewAdapterOptions options, Model model, RunnableModel network, CancellationToken cancellationToken)
    {
        HashSet<string> shared = [.. model.Layers.Where(l => l.Shape.TiedTo is not null).SelectMany(l => new[] { l.Shape.Name, l.Shape.TiedTo! })];
        Dictionary<string, ModelLayer> layers = model.Layers.ToDictionary(l => l.Shape.Name, StringComparer.Ordinal);
        ModelLayer? Weight(string name) => network.Tensors.TryGetValue(name + ".weight", out string? tensor) ? layers.GetValueOrDefault(tensor) : null;
        LoraOptions lora = new(options.Rank) { Alpha = options.Alpha ?? options.Rank, Dora = options.Dora, Seed = options.Seed };
        network.Network.AddLora(network.Engine, (name, layer) =>
        {
            // A weight that another tensor shares cannot be merged: the change would reach that one too.
            if (layer is not Linear linear || Weight(name) is not { } weight || shared.Contains(weight.Shape.Name) || options.Selection.ReasonByName(weight.Shape.Name) != KeepReason.None)
                return null;
            int most = Math.Min(linear.InFeatures, linear.OutFeatures);
            return options.Rank <= most ? lora
                : throw new LowRankToolsException(CoreErrors.RankExceedsLayer, $"{model.Source.Path}: '{weight.Shape.Name}' has no changes of rank {options.Rank}, but of {most} at most.", "Choose a smaller rank, or leave the layer out with -Exclude.");
        }, cancellationToken);
        AdaptedLayer[] made = [.. network.Network.Modules().Where(m => m.Module is ILoraLayer).DistinctBy(m => m.Module)
            .Select(m => (Weight: Weight(m.Name)!, Layer: (ILoraLayer)m.Module)).Select(m => new AdaptedLayer(LayerNames.Module(m.Weight.Shape.Name), m.Weight, m.Layer, RowOrder.Same))];
        return made.Length > 0 ? made
            : throw new LowRankToolsException(CoreErrors.LayerNotFound, $"{model.Source.Path}: no linear layer of the network was chosen.", "Name others with -Include and -Exclude; weights that two tensors share are left out.");
    }

    /// <summary>The module as it is written, in the adapter's own order of rows.</summary>
    /// <param name="engine">Where the layer's parameters live.</param>
    /// <param name="scale">What goes into B: the module's scale, or 1 where the adapter says it.</param>
    public AdapterFactors Factors(INetworkEngine engine, double scale)
    {
        Matrix<float> a = engine.ToMatrix(Layer.A.Value), b = engine.ToMatrix(Layer.B.Value);
        Order.Undo(b);
        AdapterFactors.Scale(b, scale);
        return new AdapterFactors { Name = Module, A = a, B = b, Inputs = [a.Columns], Magnitude = Layer is DoraLinear dora ? Lengths(engine, dora) : null };
    }

    private Matrix<float> Lengths(INetworkEngine engine, DoraLinear layer)
    {
        double[] lengths = engine.ToArray(layer.Magnitude.Value);
        using Matrix<float> column = Matrix<float>.From(lengths.Length, 1, Array.ConvertAll(lengths, l => (float)l));
        Order.Undo(column);
        return column.Transposed.ToMatrix();
    }
}
