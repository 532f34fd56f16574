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

    /// <summary>Features of a head of queries and keys afterwards.</summary>
    public int Size => options.HeadSize ?? shape.Size;

    /// <summary>Features of a head of values afterwards.</summary>
    public int ValueSize => options.ValueSize ?? Math.Min(Size, shape.ValueSize);

    /// <summary>Blocks whose attention changes: none where heads keep their sizes.</summary>
    public IReadOnlyList<AttentionPart> Parts => Turns || Values ? parts : [];

    private bool Turns => Size < shape.Size;

    private bool Values => ValueSize < shape.ValueSize;

    /// <summary>The weights that a calibration must know.</summary>
    public IEnumerable<ModelLayer> Calibrated => Parts.SelectMany(p => (ModelLayer[])[p.Query, p.Key, p.Value, p.Output]);

    /// <summary>What the configuration is to say, once <see cref="Choose"/> has chosen pairs: both sizes, and what slows each pair that stays.</summary>
    public (int Size, int ValueSize, double[]? Divisors)? Said => Parts.Count == 0 ? null : (Size, ValueSize, Turns ? Divisors : null);

    private double[] Divisors => shape.Rotary.DivisorsOf(shape.Size, _pairs);

    /// <summary>What the blocks lost, in the order of the file.</summary>
    public IEnumerable<ResizedPart> Results => _fitted.Values.Select(f => f.Result with { LostScores = f.LostScores });

    /// <summary>What is to be done with a model; null where attention is left alone.</summary>
    /// <exception cref="LowRankToolsException"><c>HeadSizeUnsupported</c>, <c>WeightsDoNotFit</c>, <c>ConfigInvalid</c>; <c>OptionInvalid</c>: heads are smaller than that.</exception>
    public static HeadResizing? Of(Model model, ResizeOptions options, string? configPath)
    {
        if (!options.ResizesHeads)
            return null;
        IReadOnlyList<AttentionPart> parts = AttentionParts.Of(model);
        HeadShape shape = HeadShape.Of(model, parts, configPath);
        HeadResizing heads = new(model, parts, shape, options);
        if (heads.Size > shape.Size)
            throw TooLarge(model, "heads", shape.Size, heads.Size, "-HeadSize");
        if (heads.ValueSize > shape.ValueSize)
            throw TooLarge(model, "heads of values", shape.ValueSize, heads.ValueSize, "-ValueSize");
        if (shape.Neighbours && heads.ValueSize != heads.Size)
            throw AttentionParts.NotFound(model, "llama.cpp runs Llama with one size for queries, keys and values alone");
        return heads;
    }

    private static LowRankToolsException TooLarge(Model model, string what, int size, int asked, string option) =>
        new(CoreErrors.OptionInvalid, $"{model.Source.Path}: the model's {what} have {size} features and cannot get {asked}.", $"Give {option} {size} at most.");

    /// <summary>Writing steps of the tensors that change, by their names.</summary>
    public IReadOnlyDictionary<string, OutputItem> Items(ModelFormat format)
    {
        Dictionary<string, OutputItem> items = new(StringComparer.Ordinal);
        foreach (AttentionPart part in Parts)
        {
            foreach (ModelLayer layer in Changed(part))
            {
                long[] sizes = [.. layer.Tensor.Shape];
                // Heads are columns where their outputs are read, or where inputs come first; a bias has its entries in them.
                bool reads = ReferenceEquals(layer, part.Output), columns = sizes.Length == 2 && reads == (layer.Shape.Orientation != WeightOrientation.InOut);
                (int before, int after) = part.Turned.Contains(layer, ReferenceEqualityComparer.Instance) ? (shape.Size, Size) : (shape.ValueSize, ValueSize);
                if (!ReferenceEquals(layer, part.OutputBias))
                    sizes[columns ? 1 : 0] = sizes[columns ? 1 : 0] / before * after;
                items[layer.Shape.Name] = new ResizedHeadItem(part, layer, new TensorSpec(layer.Shape.Name, OutputTypes.Weight(layer.Tensor.DType, options.DType, format, sizes), [.. sizes]));
            }
        }
        if (Turns && shape.Neighbours)
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
        foreach (AttentionPart part in Turns ? Parts : [])
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
            _fitted[item.Part] = fitted = LayerMathematics.Named(model, item.Part.Output, () =>
                FittedAttention.Compute(engine, model, item.Part, shape, Turns ? _pairs : null, Values ? ValueSize : null, layer => known.Read(layer, engine, cancellationToken), options, cancellationToken) with { LostScores = Lost(item.Part) });
        }
        using Matrix<float> weight = fitted.Weights[item.Layer];
        bool turned = item.Layer.Tensor.Shape.Length == 2 && item.Layer.Shape.Orientation == WeightOrientation.InOut;
        MatrixRows.Write(output, item.Spec, turned ? weight.Transposed : weight.View, model.Source.Path, cancellationToken);
    }

    /// <summary>Writes GGUF's divisors.</summary>
    public void Write(DivisorItem item, ModelOutput output, CancellationToken cancellationToken)
    {
        using Matrix<float> row = Matrix<float>.From(1, Size / 2, Array.ConvertAll(Divisors, d => (float)d));
        MatrixRows.Write(output, item.Spec, row.View, model.Source.Path, cancellationToken);
    }

    private IEnumerable<ModelLayer> Changed(AttentionPart part) => [.. Turns ? part.Turned : [], .. Values ? part.Gathered : []];

    private double? Lost(AttentionPart part)
    {
        if (!Turns)
            return null;
        double whole = _scores[part].Sum();
        return whole > 0 ? Math.Max(1 - _pairs.Sum(p => _scores[part][p]) / whole, 0) : 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (FittedAttention fitted in _fitted.Values)
            fitted.Dispose();
    }
}
