using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Formats.Onnx;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Svd;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Core.Adapters.Editing;

/// <summary>
/// Writes an adapter in another layout: PEFT's, kohya's, llama.cpp's or LoTR's, from these, loralib's, LoHa and LoKr. A pair stays what it
/// is, its scale put into it; products of other kinds become pairs of the rank that is asked for, by their singular values.
/// </summary>
/// <param name="rank">How many components are kept; null to keep pairs as they are.</param>
/// <param name="options">Where and how the adapter is written.</param>
/// <param name="alpha">Numerator of the scale for adapters that do not say theirs.</param>
public sealed partial class ConvertAdapter(AdapterRank? rank, AdapterOutputOptions options, double? alpha = null)
{
    private const string Suffix = "-converted";

    /// <summary>Where the output of an adapter would go.</summary>
    /// <exception cref="LowRankToolsException">Those of opening it: the layout decides.</exception>
    public OutputLocation Location(ModelSource source)
    {
        using ProductAdapter? product = ProductAdapter.Open(source, alpha);
        if (product is not null)
            return options.Location(product.Source, options.AnyLayoutFor(LayoutOf(product)), Suffix);
        using Adapter adapter = Adapter.Open(source, alpha);
        return options.Location(adapter.Source, options.AnyLayoutFor(adapter.Layout), Suffix);
    }

    /// <summary>Converts one adapter.</summary>
    /// <param name="source">Its weights.</param>
    /// <param name="baseModel">The model that it belongs to, whose names its modules get; null to keep theirs. A GGUF model where either layout is llama.cpp's.</param>
    /// <param name="progress">Told about every module.</param>
    /// <param name="cancellationToken">Stops inside the mathematics too; nothing is left behind.</param>
    /// <exception cref="LowRankToolsException">Those of <see cref="Adapter.Open"/>, <c>AdapterDoesNotFit</c>, <c>AdapterPartNotCarried</c>, <c>OptionInvalid</c>: a base model or
    /// a rank is needed, <c>NonFiniteValues</c>, and those of writing.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public AdapterResult Run(ModelSource source, ModelSource? baseModel, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        rank?.Validate();
        options.Validate();
        using Model? model = baseModel is null ? null : Model.Open(baseModel);
        using ProductAdapter? product = ProductAdapter.Open(source, alpha);
        if (product is not null)
            return Run(product, model, progress, cancellationToken);
        using Adapter adapter = Adapter.Open(source, alpha);
        adapter.RefuseOthers(withMagnitudes: true);
        AdapterLayout layout = options.AnyLayoutFor(adapter.Layout);
        if (layout == AdapterLayout.Lotr)
            return RunLotr(adapter, model, progress, cancellationToken);
        GraphParameters? parameters = layout == AdapterLayout.OnnxRuntime && model?.File is OnnxFile graph ? GraphParameters.Of(graph, adapter.Source) : null;
        ConvertedNames names = parameters is null ? ConvertedNames.Of(adapter, model, layout) : ConvertedNames.Of(adapter, parameters, m => rank is AdapterRank.Fixed most ? Math.Min(most.Value, m.Rank) : m.Rank);
        AdapterWriter writer = Writer(adapter.Source, layout, TypeOf(adapter, parameters), [.. adapter.Files, .. model?.File.Files ?? []]) with
        {
            Parameters = names.Parameters,
            Notes = adapter.Notes,
            FanInFanOut = names.FanInFanOut,
            Architecture = names.Architecture,
        };
        AdapterRun run = new(writer, Rule(layout), adapter.Source.Name) { Sources = [source.Path], ParametersBefore = adapter.Parameters };
        return run.Run(adapter.Modules.Count, i => adapter.Modules[i].Name, i => Convert(adapter.Modules[i], names, cancellationToken), sideBySide: true, progress, cancellationToken);
    }

    // What the graph wants; another type is refused by ONNX Runtime when it runs.
    private TensorDType TypeOf(Adapter adapter, GraphParameters? parameters) => parameters?.DType is not { } wanted ? adapter.WritableDType
        : options.DType is null || options.DType == wanted ? wanted
        : throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{adapter.Source.Path}: the graph's inputs for factors are {wanted}, and -DType asks for {options.DType}.", "Leave -DType out.");

    private AdapterResult Run(ProductAdapter product, Model? model, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        AdapterLayout layout = options.AnyLayoutFor(LayoutOf(product));
        if (rank is null)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{product.Source.Path}: products of this kind have no rank of their own to keep.", "Give one of -Rank, -Energy, -CumulativeRatio and -SigmaRatio.");
        if (layout == AdapterLayout.Lotr)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{product.Source.Path}: products of this kind are not converted to {layout} in one step.", $"Convert the adapter to Peft first, and that to {layout}.");
        if (layout == AdapterLayout.OnnxRuntime && model?.File is OnnxFile)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{product.Source.Path}: products of this kind are not put to a graph's inputs in one step.", "Convert the adapter to Peft first, and that to OnnxRuntime with the graph.");
        ConvertedNames.RequireBase(product.Source, LayoutOf(product), layout, model);
        BaseOrder? order = model is null ? null : new BaseOrder(model);
        IReadOnlyDictionary<string, ModelLayer?>? layers = model is null ? null : new BaseNames(model).Find(product.Modules.Select(m => m.Name));
        List<ProductTarget> targets = [.. product.Modules.Select(m => ProductTarget.Of(product, m, layers?[m.Name], model, order))];
        AdapterWriter writer = Writer(product.Source, layout, product.WritableDType, [.. product.Files, .. model?.File.Files ?? []]) with
        {
            Architecture = layout == AdapterLayout.Gguf ? model!.File.Metadata.GetValueOrDefault(GgufAdapterKeys.Architecture) : null,
        };
        AdapterRun run = new(writer, Rule(layout), product.Source.Name) { Sources = [product.Source.Path], ParametersBefore = product.Modules.Sum(m => m.Parameters) };
        return run.Run(targets.Count, i => product.Modules[i].Name, i => Truncated(product.Modules[i], targets[i], layout, cancellationToken), sideBySide: true, progress, cancellationToken);
    }

    private ComputedModule Truncated(ProductModule module, ProductTarget target, AdapterLayout layout, CancellationToken cancellationToken)
    {
        ComputedModule pair = module.Truncate(rank!, target.Inputs, cancellationToken);
        target.Order.Apply(pair.Factors.B);
        return Renamed(pair, layout is AdapterLayout.Peft or AdapterLayout.Gguf ? target.Name : module.Name);
    }

    private static AdapterLayout LayoutOf(ProductAdapter product) => product.IsPeft ? AdapterLayout.Peft : AdapterLayout.Kohya;

    private string Rule(AdapterLayout layout) => rank is null ? $"To {layout}" : $"To {layout}, {rank}";

    private AdapterWriter Writer(ModelSource source, AdapterLayout layout, TensorDType type, IEnumerable<string> files) =>
        new(options.Location(source, layout, Suffix), layout, options.TypeFor(layout, type), options) { Source = SourceFiles.Of(files) };

    private ComputedModule Convert(AdapterModule module, ConvertedNames names, CancellationToken cancellationToken)
    {
        AdapterFactors factors = AdapterFactors.Read(module, cancellationToken);
        names.Reorder(module, factors.B);
        string name = names.NameOf(module);
        if (rank is null)
            return Renamed(new ComputedModule(factors, ResizeAdapter.Result(factors, factors.Rank, FactoredSvd.Norm(factors.B.View, factors.A.View, new ComputeOptions { ThreadCount = 1 }, cancellationToken), 0)), name);
        using (factors)
            return Renamed(ResizeAdapter.Truncate(factors, rank, cancellationToken), name);
    }

    private static ComputedModule Renamed(ComputedModule module, string name)
    {
        AdapterFactors factors = module.Factors;
        return new ComputedModule(new AdapterFactors { Name = name, A = factors.A, B = factors.B, Inputs = factors.Inputs, IsEmbedding = factors.IsEmbedding }, module.Result with { Name = name });
    }
}
