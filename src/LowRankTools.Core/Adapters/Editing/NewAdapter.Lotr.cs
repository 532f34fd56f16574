using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.RandomNumbers;

namespace LowRankTools.Core.Adapters.Editing;

/// <content>New adapters of LoTR: random L and R for all layers of one shape, and a core of zeros for each.</content>
public sealed partial class NewAdapter
{
    private AdapterResult RunLotr(Model model, List<ModelLayer> layers, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        if (layers.Find(l => l.Shape.Kind == LayerKind.Embedding) is { } embedding)
            throw LotrErrors.Embedding(model.Source, embedding.Shape.Name);
        LotrWriter writer = new(Location(model.Source), options.Output.DType ?? LowRankTools.Formats.Tensors.TensorDType.F32, options.Output)
        {
            Source = SourceFiles.Of(model.File.Files), Name = model.Source.Name, Sources = [model.Source.Path], ParametersBefore = layers.Sum(l => l.Shape.Parameters),
        };
        writer.Check();
        List<LotrGroup> groups = [];
        try
        {
            foreach ((string name, long outputs, long[] inputs, ModelLayer[] own) in LotrGroup.Of(layers, Sizes))
            {
                cancellationToken.ThrowIfCancellationRequested();
                progress?.Report(new OperationProgress("Computing", name, groups.Count, layers.Count));
                groups.Add(MakeGroup(name, checked((int)outputs), inputs, own, (ulong)groups.Count));
            }
            return writer.Write(groups, [.. groups.SelectMany(g => g.Cores.Select(c => new AdapterModuleResult { Name = c.Module, Shape = [g.Left.Rows, .. g.Inputs], RankBefore = 0, Rank = options.Rank, Norm = 0, RelativeError = 0 }))],
                FormattableString.Invariant($"New Lotr Rank {options.Rank}"), cancellationToken);
        }
        finally
        {
            groups.ForEach(g => g.Dispose());
        }
    }

    // With a core of zeros the delta is zero, and the core's gradient L^T G R^T is not: training begins at once.
    private LotrGroup MakeGroup(string name, int outputs, long[] inputs, ModelLayer[] layers, ulong number)
    {
        int width = checked((int)inputs.Aggregate(1L, (a, b) => a * b));
        DeterministicRandom random = new(new DeterministicRandom(options.Seed).BitsAt(number));
        Matrix<float> left = new(outputs, options.Rank), right = new(options.Rank, width);
        Uniform(left, random, 1 / Math.Sqrt(options.Rank));
        Uniform(right, random, 1 / Math.Sqrt(width));
        return new LotrGroup
        {
            Name = name, Left = left, Right = right, Inputs = inputs, Alpha = options.Alpha,
            Cores = [.. layers.Select(l => (LayerNames.Module(l.Shape.Name), new Matrix<float>(options.Rank, options.Rank)))],
        };
    }
}
