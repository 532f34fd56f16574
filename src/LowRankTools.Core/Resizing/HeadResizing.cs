using LowRankTools.Core.Architectures;
using LowRankTools.Core.Calibration;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Storage;
using LowRankTools.Formats;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Resizing;

/// <summary>
/// Narrower heads for a whole model. Queries and keys keep the same pairs of features in every head of every block, those of the largest <see cref="PairScores"/> over all of them: one table of
/// turns is all that configurations can say. Values are fitted head by head (<see cref="ValueHeads"/>).
/// </summary>
/// <param name="model">The opened model.</param>
/// <param name="parts">Its attention.</param>
/// <param name="shape">Its heads.</param>
/// <param name="options">How large heads are afterwards.</param>
internal sealed class HeadResizing(Model model, IReadOnlyList<AttentionPart> parts, HeadShape shape, ResizeOptions options) : IDisposable
{
    private readonly Dictionary<AttentionPart, FittedAttention> _fitted = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<AttentionPart, double[]> _scores = new(ReferenceEqualityComparer.Instance);
    private int[] _pairs = [];

    /// <summary>Heads as they were.</summary>
    public HeadShape Shape => shape;

    /// <summary>Features of a head afterwards.</summary>
    public int Size => options.HeadSize!.Value;

    /// <summary>Blocks whose attention changes: none where heads keep their size.</summary>
    public IReadOnlyList<AttentionPart> Parts => Size == shape.Size ? [] : parts;

    /// <summary>The weights that a calibration must know.</summary>
    public IEnumerable<ModelLayer> Calibrated => Parts.SelectMany(p => (ModelLayer[])[p.Query, p.Key, p.Value, p.Output]);

    /// <summary>What slows each pair that stays, once <see cref="Choose"/> has chosen them; null where heads keep their size.</summary>
    public double[]? Divisors => Parts.Count == 0 ? null : shape.Rotary.DivisorsOf(shape.Size, _pairs);

    /// <summary>What the blocks lost, in the order of the file.</summary>
    public IEnumerable<ResizedPart> Results => _fitted.Values.Select(f => f.Result);

    /// <summary>What is to be done with a model; null where attention is left alone.</summary>
    /// <exception cref="LowRankToolsException"><c>HeadSizeUnsupported</c>, <c>WeightsDoNotFit</c>, <c>ConfigInvalid</c>; <c>OptionInvalid</c>: heads are smaller than that.</exception>
    public static HeadResizing? Of(Model model, ResizeOptions options, string? configPath)
    {
        if (options.HeadSize is not { } size)
            return null;
        IReadOnlyList<AttentionPart> parts = AttentionParts.Of(model);
        HeadShape shape = HeadShape.Of(model, parts, configPath);
        return size <= shape.Size ? new HeadResizing(model, parts, shape, options)
            : throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{model.Source.Path}: the model's heads of {shape.Size} features cannot become {size} wide.", "Give -HeadSize a smaller number.");
    }

    /// <summary>Writing steps of the tensors that change, by their names.</summary>
    public IReadOnlyDictionary<string, OutputItem> Items(ModelFormat format)
    {
        Dictionary<string, OutputItem> items = new(StringComparer.Ordinal);
        foreach (AttentionPart part in Parts)
        {
            foreach (ModelLayer layer in part.Layers)
            {
                long[] sizes = [.. layer.Tensor.Shape];
                // Heads are columns where their outputs are read, or where inputs come first; a bias has its entries in them.
                bool reads = ReferenceEquals(layer, part.Output), columns = sizes.Length == 2 && reads == (layer.Shape.Orientation != WeightOrientation.InOut);
                if (!ReferenceEquals(layer, part.OutputBias))
                    sizes[columns ? 1 : 0] = sizes[columns ? 1 : 0] / shape.Size * Size;
                items[layer.Shape.Name] = new ResizedHeadItem(part, layer, new TensorSpec(layer.Shape.Name, OutputTypes.Weight(layer.Tensor.DType, options.DType, format, sizes), [.. sizes]));
            }
        }
        if (Parts.Count > 0 && shape.Neighbours)
            items[HeadShape.DivisorTensor] = new DivisorItem(new TensorSpec(HeadShape.DivisorTensor, TensorDType.F32, [Size / 2]));
        return items;
    }

    /// <summary>Chooses the pairs that stay.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="known">The calibration.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    /// <exception cref="LowRankToolsException"><c>CalibrationInvalid</c>; <c>NonFiniteValues</c>.</exception>
    public void Choose(ITensorEngine engine, PartCalibrations known, CancellationToken cancellationToken)
    {
        bool byGradient = options.Selection == UnitSelection.Elimination && known.HasGradients(Parts.Select(p => p.Query));
        double[] sum = new double[shape.Size / 2];
        foreach (AttentionPart part in Parts)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using LayerCalibration fed = known.Read(part.Query, engine, cancellationToken);
            _scores[part] = LayerMathematics.Named(model, part.Query, () => PairScores.Of(engine, model, part, fed, shape, byGradient, cancellationToken));
            for (int i = 0; i < sum.Length; i++)
                sum[i] += _scores[part][i];
        }
        _pairs = PairScores.Best(sum, Size / 2);
    }

    /// <summary>Writes one tensor; a block's attention is computed when its first tensor is due.</summary>
    /// <exception cref="LowRankToolsException">Those of the computation; <c>ValuesOverflow</c>, and those of the disk.</exception>
    public void Write(ResizedHeadItem item, ModelOutput output, ITensorEngine engine, PartCalibrations known, CancellationToken cancellationToken)
    {
        if (!_fitted.TryGetValue(item.Part, out FittedAttention? fitted))
        {
            double whole = _scores[item.Part].Sum(), lost = whole > 0 ? 1 - _pairs.Sum(p => _scores[item.Part][p]) / whole : 0;
            _fitted[item.Part] = fitted = LayerMathematics.Named(model, item.Part.Output, () =>
                FittedAttention.Compute(engine, model, item.Part, shape, _pairs, Math.Max(lost, 0), layer => known.Read(layer, engine, cancellationToken), options, cancellationToken));
        }
        using Matrix<float> weight = fitted.Weights[item.Layer];
        bool turned = item.Layer.Tensor.Shape.Length == 2 && item.Layer.Shape.Orientation == WeightOrientation.InOut;
        MatrixRows.Write(output, item.Spec, turned ? weight.Transposed : weight.View, model.Source.Path, cancellationToken);
    }

    /// <summary>Writes GGUF's divisors.</summary>
    public void Write(DivisorItem item, ModelOutput output, CancellationToken cancellationToken)
    {
        using Matrix<float> row = Matrix<float>.From(1, Size / 2, Array.ConvertAll(Divisors!, d => (float)d));
        MatrixRows.Write(output, item.Spec, row.View, model.Source.Path, cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (FittedAttention fitted in _fitted.Values)
            fitted.Dispose();
    }
}
