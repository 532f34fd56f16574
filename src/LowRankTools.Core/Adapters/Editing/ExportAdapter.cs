using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Storage;
using LowRankTools.Formats;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Adapters.Editing;

/// <summary>
/// Makes an adapter of the difference between a tuned model and its base: a truncated singular value decomposition of each
/// weight's difference. All shapes are held against each other before the first is computed.
/// </summary>
public sealed partial class ExportAdapter(ExportAdapterOptions options)
{
    private const int PieceBytes = 1 << 20;

    /// <summary>Where the adapter of a tuned model would go.</summary>
    public OutputLocation Location(ModelSource tuned) => options.Output.Location(tuned, LayoutOf(tuned), IsLotr ? "-lotr" : "-lora");

    private bool IsLotr => options.Output.Layout == AdapterLayout.Lotr;

    // A model's names are its adapter's: those of GGUF are GGUF's.
    private AdapterLayout LayoutOf(ModelSource tuned) => IsLotr ? AdapterLayout.Lotr : options.Output.LayoutFor(OutputLocation.FormatOf(tuned.Path) == ModelFormat.Gguf ? AdapterLayout.Gguf : AdapterLayout.Peft);

    /// <summary>Exports one adapter.</summary>
    /// <param name="tuned">The model after training.</param>
    /// <param name="baseModel">The model before it.</param>
    /// <param name="progress">Told about every weight.</param>
    /// <param name="cancellationToken">Stops inside the mathematics too; nothing is left behind.</param>
    /// <exception cref="LowRankToolsException"><c>AdapterDoesNotFit</c>: the models do not have the same weights; <c>LayerNotFound</c>,
    /// <c>CalibrationInvalid</c>, <c>CalibrationUnmatched</c>, <c>NonFiniteValues</c>, <c>NothingToFactorize</c>, and those of reading and writing.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public AdapterResult Run(ModelSource tuned, ModelSource baseModel, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        options.Validate();
        using Model model = Model.Open(tuned), before = Model.Open(baseModel);
        List<(ModelLayer Tuned, ModelLayer Base)> pairs = Pairs(model, before);
        HashSet<string> carried = pairs.Select(p => p.Tuned.Shape.Name).ToHashSet(StringComparer.Ordinal);
        if (IsLotr)
            return RunLotr(model, before, pairs, progress, cancellationToken) with { NotCarried = NotCarried(model, before, carried, cancellationToken).ToArray() };
        using CalibratedDelta? calibration = options.Calibration is { } use ? new CalibratedDelta(use, options.ThreadCount) : null;
        calibration?.Check([.. pairs.Select(p => p.Tuned.Shape)], options.ParameterBudget is not null);
        bool inOut = pairs.Where(p => p.Base.Shape.Kind != LayerKind.Embedding).All(p => p.Base.Shape.Orientation == WeightOrientation.InOut);
        AdapterLayout layout = LayoutOf(tuned);
        AdapterWriter writer = new(Location(tuned), layout, options.Output.TypeFor(layout, TensorDType.F32), options.Output)
        {
            Architecture = before.File.Metadata.GetValueOrDefault(GgufAdapterKeys.Architecture),
            Source = SourceFiles.Of([.. model.File.Files, .. before.File.Files]),
            Notes = [("base_model_name_or_path", baseModel.Name)],
            FanInFanOut = inOut && pairs.Exists(p => p.Base.Shape.Kind != LayerKind.Embedding),
        };
        AdapterRank[] ranks = options.ParameterBudget is { } budget ? Share(model, before, pairs, budget, calibration, cancellationToken) : [.. Enumerable.Repeat(options.Rank!, pairs.Count)];
        AdapterRun run = new(writer, (options.Rank?.ToString() ?? FormattableString.Invariant($"ParameterBudget {options.ParameterBudget}")) + (calibration is null ? "" : ", calibrated"), tuned.Name) { Sources = [tuned.Path, baseModel.Path], ParametersBefore = pairs.Sum(p => p.Tuned.Shape.Parameters) };
        AdapterResult result = run.Run(pairs.Count, i => pairs[i].Tuned.Shape.Name, i => Export(model, before, pairs[i], ranks[i], calibration, cancellationToken), sideBySide: false, progress, cancellationToken);
        return result with
        {
            NotCarried = NotCarried(model, before, carried, cancellationToken).ToArray(),
            Uncalibrated = calibration is null ? [] : result.Modules.Where(m => m.CalibratedError is null).Select(m => m.Name).ToArray(),
        };
    }

    private List<(ModelLayer Tuned, ModelLayer Base)> Pairs(Model tuned, Model before)
    {
        Dictionary<string, ModelLayer> own = before.Layers.ToDictionary(l => l.Shape.Name, StringComparer.Ordinal);
        List<(ModelLayer, ModelLayer)> pairs = [];
        foreach (ModelLayer layer in tuned.Layers.Where(l => l.Shape.TiedTo is null && Chosen(l.Shape)))
        {
            if (!own.TryGetValue(layer.Shape.Name, out ModelLayer? other))
                throw Apart(tuned, before, layer, "which the base model does not have");
            if (other.Shape.Shape != layer.Shape.Shape)
                throw Apart(tuned, before, layer, $"of shape {layer.Shape.Shape}, which is {other.Shape.Shape} in the base model");
            if (layer.Tensor.ElementCount > int.MaxValue)
                throw Apart(tuned, before, layer, "which is too large to be computed with");
            pairs.Add((layer, other));
        }
        return pairs.Count > 0 ? pairs : throw new LowRankToolsException(CoreErrors.LayerNotFound, $"{tuned.Source.Path}: no weight of the model was chosen.", "Name others with -Include and -Exclude.");
    }

    private bool Chosen(LayerShape shape) => shape.Kind switch
    {
        LayerKind.Linear or LayerKind.AttentionPacked => shape.IsMatrix && options.Selection.ReasonByName(shape.Name) == KeepReason.None,
        LayerKind.Embedding => shape.IsMatrix && options.Selection.IncludeEmbedding && options.Selection.ReasonByName(shape.Name) == KeepReason.None,
        LayerKind.Conv1d or LayerKind.Conv2d or LayerKind.Conv3d => options.Selection.ReasonByName(shape.Name) == KeepReason.None,
        _ => false,
    };

    private static LowRankToolsException Apart(Model tuned, Model before, ModelLayer layer, string what) =>
        new(CoreErrors.AdapterDoesNotFit, $"{tuned.Source.Path}: the model does not fit {before.Source.Path}: it has '{layer.Shape.Name}' {what}.",
            "Use the base model that was tuned, or leave the weight out with -Exclude. Nothing was computed.");

    // Every difference is made twice, for its singular values and for its pair: all of them at once would fill the memory.
    private AdapterRank[] Share(Model tuned, Model before, List<(ModelLayer Tuned, ModelLayer Base)> pairs, long budget, CalibratedDelta? calibration, CancellationToken cancellationToken)
    {
        List<(int, int, double[])> modules = [];
        foreach ((ModelLayer Tuned, ModelLayer Base) pair in pairs)
        {
            using Matrix<float> difference = Difference(tuned, before, pair, cancellationToken);
            MatrixView<float> delta = Oriented(difference, pair.Base);
            modules.Add((delta.Rows, delta.Columns, LayerMathematics.Named(tuned, pair.Tuned, () => calibration?.Values(pair.Tuned.Shape, delta, cancellationToken) ?? SingularValues.Compute(delta, new SvdOptions { ThreadCount = options.ThreadCount }, cancellationToken))));
        }
        // A difference of zeros has no pair, whatever its rank.
        return [.. AdapterBudget.Share(modules, budget, cancellationToken).Select(r => new AdapterRank.Fixed(Math.Max(1, r)))];
    }

    private ComputedModule? Export(Model tuned, Model before, (ModelLayer Tuned, ModelLayer Base) pair, AdapterRank rank, CalibratedDelta? calibration, CancellationToken cancellationToken)
    {
        using Matrix<float> difference = Difference(tuned, before, pair, cancellationToken);
        MatrixView<float> delta = Oriented(difference, pair.Base);
        long[] shape = [.. pair.Base.Tensor.Shape];
        string module = LayerNames.Module(pair.Base.Shape.Name);
        return LayerMathematics.Named(tuned, pair.Tuned, () => calibration?.Has(pair.Tuned.Shape) == true ? calibration.Compute(module, pair.Tuned.Shape, delta, rank, cancellationToken) : TruncatedDelta.Compute(module, delta,
            IsConvolution(pair.Base) ? shape[1..] : [delta.Columns], pair.Base.Shape.Kind == LayerKind.Embedding, rank, options.ThreadCount, cancellationToken));
    }

    private static Matrix<float> Difference(Model tuned, Model before, (ModelLayer Tuned, ModelLayer Base) pair, CancellationToken cancellationToken)
    {
        Matrix<float> difference = WeightMatrix.Read(tuned.File, pair.Tuned.Tensor, cancellationToken);
        try
        {
            using Matrix<float> own = WeightMatrix.Read(before.File, pair.Base.Tensor, cancellationToken);
            for (int i = 0; i < difference.Rows; i++)
            {
                Span<float> row = difference.Row(i), minus = own.Row(i);
                for (int j = 0; j < row.Length; j++)
                    row[j] -= minus[j];
            }
            return difference;
        }
        catch
        {
            difference.Dispose();
            throw;
        }
    }

    // A difference as out x in.
    private static MatrixView<float> Oriented(Matrix<float> difference, ModelLayer layer) => IsConvolution(layer) ? Flattened(difference, checked((int)layer.Tensor.Shape[0]))
        : layer.Shape.Orientation == WeightOrientation.InOut ? difference.Transposed : difference.View;

    private static bool IsConvolution(ModelLayer layer) => layer.Shape.Kind is LayerKind.Conv1d or LayerKind.Conv2d or LayerKind.Conv3d;

    // The same elements as out x (in, kernel).
    private static unsafe MatrixView<float> Flattened(Matrix<float> matrix, int outputs)
    {
        int inputs = checked((int)(matrix.Length / outputs));
        return new MatrixView<float>(matrix.Pointer, outputs, inputs, inputs, 1, matrix);
    }

    // Bytes are compared, not numbers: a type that changed is a difference too.
    private static IEnumerable<string> NotCarried(Model tuned, Model before, HashSet<string> carried, CancellationToken cancellationToken)
    {
        Dictionary<string, TensorInfo> own = before.Layers.ToDictionary(l => l.Shape.Name, l => l.Tensor, StringComparer.Ordinal);
        byte[] x = new byte[PieceBytes], y = new byte[PieceBytes];
        foreach (ModelLayer layer in tuned.Layers.Where(l => l.Shape.TiedTo is null && !carried.Contains(l.Shape.Name)))
        {
            TensorInfo tensor = layer.Tensor;
            bool same = own.TryGetValue(layer.Shape.Name, out TensorInfo? other) && other.DType == tensor.DType && other.Shape.SequenceEqual(tensor.Shape);
            for (long done = 0; same && done < tensor.ByteLength; done += PieceBytes)
            {
                cancellationToken.ThrowIfCancellationRequested();
                int count = (int)Math.Min(PieceBytes, tensor.ByteLength - done);
                tuned.File.ReadBytes(tensor, done, x.AsSpan(0, count));
                before.File.ReadBytes(other!, done, y.AsSpan(0, count));
                same = x.AsSpan(0, count).SequenceEqual(y.AsSpan(0, count));
            }
            if (!same)
                yield return layer.Shape.Name;
        }
    }
}
