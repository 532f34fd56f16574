using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Storage;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.RandomNumbers;

namespace LowRankTools.Core.Adapters.Editing;

/// <summary>
/// Writes an adapter to be trained, whose modules change nothing yet (Hu et al., "LoRA", 2021): A is random and B zero, of embeddings A zero and B
/// random. Of LoTR the shared factors are random and the cores zero. From headers alone: no weight is read, but for DoRA,
/// whose lengths start as those of the weights' rows (Liu et al., 2024).
/// </summary>
public sealed partial class NewAdapter(NewAdapterOptions options)
{
    private AdapterLayout Layout => IsLotr ? AdapterLayout.Lotr : options.Output.LayoutFor(AdapterLayout.Peft);

    private bool IsLotr => options.Output.Layout == AdapterLayout.Lotr;

    /// <summary>Where the adapter of a model would go.</summary>
    public OutputLocation Location(ModelSource source) => options.Output.Location(source, Layout, IsLotr ? "-lotr" : "-lora");

    /// <summary>Writes one adapter.</summary>
    /// <param name="source">The model that it is for.</param>
    /// <param name="progress">Told about every module.</param>
    /// <param name="cancellationToken">Stops between modules; nothing is left behind.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>LayerNotFound</c>, <c>RankExceedsLayer</c>, and those of writing.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public AdapterResult Run(ModelSource source, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        options.Validate();
        using Model model = Model.Open(source);
        List<ModelLayer> layers = [.. model.Layers.Where(l => l.Shape.TiedTo is null && Chosen(l.Shape))];
        if (layers.Count == 0)
            throw new LowRankToolsException(CoreErrors.LayerNotFound, $"{source.Path}: no weight of the model was chosen.", "Name others with -Include and -Exclude.");
        foreach (ModelLayer layer in layers)
            Require(source, layer);
        if (IsLotr)
            return RunLotr(model, layers, progress, cancellationToken);
        bool inOut = layers.TrueForAll(l => l.Shape.Kind == LayerKind.Embedding || l.Shape.Orientation == WeightOrientation.InOut);
        AdapterWriter writer = new(Location(source), Layout, options.Output.DType ?? TensorDType.F32, options.Output)
        {
            Source = SourceFiles.Of(model.File.Files),
            Notes = [("base_model_name_or_path", source.Name)],
            FanInFanOut = inOut && layers.Exists(l => l.Shape.Kind != LayerKind.Embedding),
            Alpha = options.Alpha ?? options.Rank,
            ForTraining = true,
        };
        AdapterRun run = new(writer, FormattableString.Invariant($"New {(options.Dora ? "Dora " : "")}Rank {options.Rank}"), source.Name) { Sources = [source.Path], ParametersBefore = layers.Sum(l => l.Shape.Parameters) };
        return run.Run(layers.Count, i => layers[i].Shape.Name, i => Make(model, layers[i], (ulong)i, cancellationToken), sideBySide: true, progress, cancellationToken);
    }

    private bool Chosen(LayerShape shape) => options.Selection.ReasonByName(shape.Name) == KeepReason.None && shape.Kind switch
    {
        LayerKind.Linear or LayerKind.AttentionPacked => shape.IsMatrix,
        LayerKind.Embedding => shape.IsMatrix && options.Selection.IncludeEmbedding,
        LayerKind.Conv1d or LayerKind.Conv2d or LayerKind.Conv3d => true,
        _ => false,
    };

    private void Require(ModelSource source, ModelLayer layer)
    {
        (long outputs, long[] inputs) = Sizes(layer);
        long most = Math.Min(outputs, inputs.Aggregate(1L, (a, b) => a * b));
        if (options.Rank > most)
            throw new LowRankToolsException(CoreErrors.RankExceedsLayer, $"{source.Path}: '{layer.Shape.Name}' has no changes of rank {options.Rank}, but of {most} at most.", "Choose a smaller rank, or leave the layer out with -Exclude.");
    }

    private ComputedModule Make(Model model, ModelLayer layer, ulong number, CancellationToken cancellationToken)
    {
        (long outputs, long[] inputs) = Sizes(layer);
        int width = checked((int)inputs.Aggregate(1L, (a, b) => a * b)), height = checked((int)outputs);
        bool embedding = layer.Shape.Kind == LayerKind.Embedding;
        DeterministicRandom random = new(new DeterministicRandom(options.Seed).BitsAt(number));
        Matrix<float> a = new(options.Rank, width), b = new(height, options.Rank);
        if (embedding)
            random.FillGaussian(b);
        else
            Uniform(a, random, 1 / Math.Sqrt(width));
        AdapterFactors factors = new() { Name = LayerNames.Module(layer.Shape.Name), A = a, B = b, Inputs = inputs, IsEmbedding = embedding, Magnitude = options.Dora ? Lengths(model, layer, height, cancellationToken) : null };
        return new ComputedModule(factors, new AdapterModuleResult { Name = factors.Name, Shape = [height, .. inputs], RankBefore = 0, Rank = options.Rank, Norm = 0, RelativeError = 0 });
    }

    /// <summary>||W_i|| of every row of outputs.</summary>
    private static Matrix<float> Lengths(Model model, ModelLayer layer, int outputs, CancellationToken cancellationToken)
    {
        using Matrix<float> stored = WeightMatrix.Read(model.File, layer.Tensor, cancellationToken);
        bool inOut = layer.Shape.IsMatrix && layer.Shape.Orientation == WeightOrientation.InOut;
        int inputs = checked((int)(layer.Tensor.ElementCount / outputs));
        double[] squares = new double[outputs];
        for (int i = 0; i < stored.Rows; i++)
        {
            ReadOnlySpan<float> row = stored.Row(i);
            for (int j = 0; j < row.Length; j++)
                squares[inOut ? j % outputs : (int)(((long)i * row.Length + j) / inputs)] += (double)row[j] * row[j];
        }
        if (Array.FindIndex(squares, s => !double.IsFinite(s)) >= 0)
            throw new LowRankToolsException(CoreErrors.NonFiniteValues, $"{model.Source.Path}: tensor '{layer.Shape.Name}' holds NaN or infinity.", "Repair the tensor, or leave it out with -Exclude.");
        return Matrix<float>.From(1, outputs, Array.ConvertAll(squares, s => (float)Math.Sqrt(s)));
    }

    private static (long Outputs, long[] Inputs) Sizes(ModelLayer layer) =>
        layer.Shape.IsMatrix ? (layer.Shape.OutFeatures!.Value, [layer.Shape.InFeatures!.Value]) : (layer.Tensor.Shape[0], [.. layer.Tensor.Shape.Skip(1)]);

    // Kaiming's bound for a slope of sqrt(5) comes to one over the root of the number of inputs.
    private static void Uniform(Matrix<float> matrix, DeterministicRandom random, double bound)
    {
        for (int i = 0; i < matrix.Rows; i++)
        {
            foreach (ref float value in matrix.Row(i))
                value = (float)((2 * random.NextDouble() - 1) * bound);
        }
    }
}
