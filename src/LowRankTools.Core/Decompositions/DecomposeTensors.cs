using System.Diagnostics;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Records;
using LowRankTools.Core.Storage;
using LowRankTools.Decompositions;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Formats;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Decompositions;

/// <summary>
/// Replaces tensors of a model by the factors of a decomposition and writes the smaller model as safetensors, with a record from which
/// <see cref="MergeModel"/> makes the tensors again. One tensor at a time is in memory, and so are factors: they wait on the disk until all ranks are known.
/// </summary>
public sealed class DecomposeTensors(DecomposeOptions options)
{
    private const string Suffix = "-decomposed";
    private const int Steps = 1000;

    /// <summary>Where the output of a model would go.</summary>
    public OutputLocation Location(ModelSource source) => OutputLocation.Resolve(options.OutputPath, source, ModelFormat.Safetensors, Suffix);

    /// <summary>Decomposes one model.</summary>
    /// <param name="source">The model.</param>
    /// <param name="progress">Told about every tensor, in thousandths.</param>
    /// <param name="cancellationToken">Stops inside the mathematics too; nothing is left behind.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>LayerNotFound</c>, <c>NothingToFactorize</c>, <c>NonFiniteValues</c> and others of
    /// <see cref="CoreErrors"/> and <see cref="FormatErrors"/>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public DecompositionResult Run(ModelSource source, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        options.Validate();
        if (options.Decomposition.MissingAsNaN)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "Tensors of files have all their entries.", "Only arrays may have missing ones.");
        Stopwatch clock = Stopwatch.StartNew();
        using Model model = Model.Open(source);
        SourceFiles read = SourceFiles.Of(model.File.Files);
        OutputLocation location = Location(source);
        CompanionFiles.Check(location, source);
        if (!options.WhatIf)
            OutputTargets.Check(location, read, options.Force);
        Dictionary<string, ComputedFactors> computed = new(StringComparer.Ordinal);
        using FactorSpool? spool = options.WhatIf ? null : FactorSpool.For(location);
        List<TensorDecomposition> tensors = Decompose(model, computed, spool, progress, cancellationToken);
        Dictionary<string, TensorInfo> byName = model.Layers.ToDictionary(l => l.Shape.Name, l => l.Tensor, StringComparer.Ordinal);
        List<OutputItem> items = OutputItems.Checked([.. model.Layers.Select(layer => Item(layer, byName, computed))], source.Path);
        Dictionary<string, string> metadata = OutputItems.Metadata(model.File, ModelFormat.Safetensors, items, model.Record?.ToMetadata(), Record(model, tensors));
        OutputRequest request = new(location, ModelFormat.Safetensors, [.. items.SelectMany(i => i.Written)], metadata)
        {
            MaxShardBytes = options.MaxShardBytes, HasRecord = model.Record is not null, Source = read, Disk = options.Disk, Force = options.Force,
        };
        DecompositionResult result = Result(model, tensors, items, computed, location, clock);
        if (options.WhatIf)
            return result with { Displaced = request.Displaced().ToArray() };
        if (computed.Count == 0)
            throw NothingToDo(source);
        using ModelOutput output = ModelOutput.Create(request);
        Write(model, items, output, spool!, progress, cancellationToken);
        string entry = output.Complete(metadata, model.Record?.ToFile(), Path.GetDirectoryName(source.Path));
        return result with { Path = entry, Written = true, Seconds = clock.Elapsed.TotalSeconds, Displaced = output.Displaced.ToArray(), Note = output.Note };
    }

    private LowRankToolsException NothingToDo(ModelSource source) => new(CoreErrors.NothingToFactorize,
        $"{source.Path}: no tensor would become smaller factors by {options.Rule}, and a copy is not written.",
        "Choose smaller ranks or other tensors; -WhatIf gives the reason for each, and tensors of two modes must be named with -Include.");

    private List<TensorDecomposition> Decompose(Model model, Dictionary<string, ComputedFactors> computed, FactorSpool? spool, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        DecompositionMethod method = DecompositionMethods.Find(options.Method);
        TensorChoice choice = new(model, options.Selection, method);
        List<(ModelLayer Layer, TensorKeepReason Reason)> all = [.. model.Layers.Where(l => l.Shape.Shape.Count > 1).Select(l => (l, Reason(l)))];
        int chosen = all.Count(t => t.Reason == TensorKeepReason.None), done = 0;
        List<TensorDecomposition> results = [];
        foreach ((ModelLayer layer, TensorKeepReason reason) in all)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (reason != TensorKeepReason.None)
            {
                results.Add(Kept(layer, reason));
                continue;
            }
            string name = layer.Shape.Name;
            long before = (long)Steps * done++;
            Parts parts = new(part => progress?.Report(new OperationProgress("Decomposing", name, before + (long)(Steps * part), (long)Steps * chosen)));
            parts.Report(0);
            TensorDType dtype = OutputTypes.Factor(layer.Tensor.DType, options.DType);
            using ComputedFactors factors = LayerMathematics.Named(model, layer, () => ComputedFactors.Compute(model.File, layer.Tensor, method, options.Decomposition, dtype, parts, cancellationToken));
            bool smaller = factors.Parameters < layer.Tensor.ElementCount;
            results.Add(smaller ? Made(layer, factors) : Kept(layer, TensorKeepReason.NotSmaller));
            if (!smaller)
                continue;
            computed[name] = factors;
            foreach ((TensorSpec spec, Matrix<float> values) in factors.Factors)
                spool?.Add(spec.Name, values);
        }
        return results;

        // A rank that makes nothing smaller is not computed first.
        TensorKeepReason Reason(ModelLayer layer) => choice.Reason(layer) is var reason && reason == TensorKeepReason.None
            && layer.Tensor.ElementCount <= int.MaxValue && !method.MayBeSmaller([.. layer.Tensor.Shape.Select(size => (int)size)], options.Decomposition)
            ? TensorKeepReason.NotSmaller : reason;
    }

    private static TensorDecomposition Kept(ModelLayer layer, TensorKeepReason reason) => new()
    {
        Name = layer.Shape.Name, Shape = layer.Shape.Shape, Reason = reason, ParametersBefore = layer.Shape.Parameters, Parameters = layer.Shape.Parameters,
    };

    private static TensorDecomposition Made(ModelLayer layer, ComputedFactors factors) => new()
    {
        Name = layer.Shape.Name,
        Shape = layer.Shape.Shape,
        Ranks = [.. factors.Ranks.Select(r => (long)r)],
        Reason = TensorKeepReason.None,
        ParametersBefore = layer.Shape.Parameters,
        Parameters = factors.Parameters,
        RelativeError = factors.RelativeError,
        Iterations = factors.Iterations,
        Converged = factors.Converged,
        Factors = factors.Factors.Select(f => f.Spec.Name).ToArray(),
        Seconds = factors.Seconds,
    };

    private OutputItem Item(ModelLayer layer, Dictionary<string, TensorInfo> tensors, Dictionary<string, ComputedFactors> computed)
    {
        if (computed.TryGetValue(layer.Shape.Name, out ComputedFactors? factors))
            return new DecomposedItem(factors);
        TensorSpec spec = new(layer.Shape.Name, OutputTypes.Copy(layer.Tensor.DType, ModelFormat.Safetensors, options.DType), layer.Tensor.Shape);
        return OutputItems.Kept(layer, spec, tensors);
    }

    private static void Write(Model model, List<OutputItem> items, ModelOutput output, FactorSpool spool, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        TensorCopier copier = new(model.File, output);
        for (int i = 0; i < items.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            progress?.Report(new OperationProgress("Writing", items[i].Names.First(), i, items.Count));
            if (items[i] is not DecomposedItem decomposed)
            {
                copier.Write(items[i], cancellationToken);
                continue;
            }
            foreach (TensorSpec spec in decomposed.Written)
            {
                using Matrix<float> values = spool.Read(spec.Name);
                MatrixRows.Write(output, spec, values.View, model.Source.Path, cancellationToken);
            }
        }
    }

    // What stood as factors before still does.
    private DecompositionRecord Record(Model model, List<TensorDecomposition> tensors) => new()
    {
        Source = model.Source.Name,
        Rule = options.Rule,
        Seed = options.Decomposition.Compute.Seed,
        Tensors =
        [
            .. model.Decompositions?.Tensors ?? [],
            .. tensors.Where(t => t.Ranks is not null).Select(t => new DecomposedTensorRecord
            {
                Name = t.Name,
                Method = DecompositionMethods.Find(options.Method).Name,
                Shape = t.Shape,
                Ranks = t.Ranks!,
                DType = model.Layers.First(l => l.Shape.Name == t.Name).Shape.DType,
                RelativeError = t.RelativeError!.Value,
            }),
        ],
    };

    private DecompositionResult Result(Model model, List<TensorDecomposition> tensors, List<OutputItem> items, Dictionary<string, ComputedFactors> computed, OutputLocation location, Stopwatch clock)
    {
        List<LayerShape> own = [.. model.Layers.Select(l => l.Shape).Where(s => s.TiedTo is null)];
        List<TensorSpec> written = [.. items.SelectMany(i => i.Written)];
        double norm = computed.Values.Sum(f => f.SquaredNorm), difference = computed.Values.Sum(f => f.RelativeError * f.RelativeError * f.SquaredNorm);
        return new DecompositionResult
        {
            Path = location.WeightsPath,
            Source = model.Source.Path,
            Name = model.Source.Name,
            Method = DecompositionMethods.Find(options.Method).Name,
            Rule = options.Rule,
            Written = false,
            ParametersBefore = own.Sum(s => s.Parameters),
            Parameters = written.Sum(t => TensorShape.ElementCount(t.Shape, t.Name)),
            BytesBefore = own.Sum(s => s.Bytes),
            Bytes = written.Sum(t => t.ByteLength),
            RelativeError = computed.Count == 0 ? null : norm == 0 ? 0 : Math.Sqrt(difference / norm),
            Tensors = tensors.ToArray(),
            Seconds = clock.Elapsed.TotalSeconds,
        };
    }

    // Parts of a tensor's work, told on the thread that does it.
    private sealed class Parts(Action<double> report) : IProgress<double>
    {
        public void Report(double value) => report(value);
    }
}
