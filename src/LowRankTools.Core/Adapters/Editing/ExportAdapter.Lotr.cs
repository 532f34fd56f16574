using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Adapters.Editing;

/// <content>Adapters of LoTR: the differences of all weights of one shape in memory at once, as float64.</content>
public sealed partial class ExportAdapter
{
    private AdapterResult RunLotr(Model tuned, Model before, List<(ModelLayer Tuned, ModelLayer Base)> pairs, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        if (pairs.Find(p => p.Base.Shape.Kind == LayerKind.Embedding).Base is { } embedding)
            throw LotrErrors.Embedding(tuned.Source, embedding.Shape.Name);
        LotrWriter writer = new(Location(tuned.Source), options.Output.DType ?? TensorDType.F32, options.Output)
        {
            Source = SourceFiles.Of([.. tuned.File.Files, .. before.File.Files]), Name = tuned.Source.Name, Sources = [tuned.Source.Path, before.Source.Path], ParametersBefore = pairs.Sum(p => p.Tuned.Shape.Parameters),
        };
        writer.Check();
        List<LotrGroup> groups = [];
        List<AdapterModuleResult> modules = [];
        try
        {
            foreach ((string name, long outputs, long[] inputs, (ModelLayer Tuned, ModelLayer Base)[] own) in LotrGroup.Of(pairs, SizesOf, LotrFit.MostEntries))
            {
                progress?.Report(new OperationProgress("Computing", name, modules.Count, pairs.Count));
                if (ExportGroup(tuned, before, name, outputs, inputs, own, modules, cancellationToken) is { } group)
                    groups.Add(group);
            }
            if (groups.Count == 0)
                throw new LowRankToolsException(CoreErrors.NothingToFactorize, $"{tuned.Source.Path}: there is no difference that an adapter could stand for.", "Compare the models with Compare-ModelWeight.");
            return writer.Write(groups, modules, $"Lotr {options.Rank}", cancellationToken);
        }
        finally
        {
            groups.ForEach(g => g.Dispose());
        }
    }

    // Layers that did not change have no core: a zero one would cost parameters.
    private LotrGroup? ExportGroup(Model tuned, Model before, string name, long outputs, long[] inputs, (ModelLayer Tuned, ModelLayer Base)[] layers, List<AdapterModuleResult> modules, CancellationToken cancellationToken)
    {
        List<(ModelLayer Layer, Matrix<float> Delta, double Norm)> changed = [];
        int rows = checked((int)outputs), columns = checked((int)inputs.Aggregate(1L, (n, i) => n * i));
        try
        {
            foreach ((ModelLayer Tuned, ModelLayer Base) pair in layers)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Matrix<float> difference = Difference(tuned, before, pair, cancellationToken);
                double norm = Norms.FrobeniusSquared(difference.View, null, cancellationToken);
                if (!double.IsFinite(norm))
                {
                    difference.Dispose();
                    throw new LowRankToolsException(CoreErrors.NonFiniteValues, $"{tuned.Source.Path}: the difference of tensor '{pair.Tuned.Shape.Name}' holds NaN or infinity.", "Repair or exclude this tensor.");
                }
                if (norm > 0)
                    changed.Add((pair.Base, difference, norm));
                else
                    difference.Dispose();
            }
            if (changed.Count == 0)
                return null;
            using Tensor stack = Tensor.Uninitialized(changed.Count, rows, columns);
            for (int i = 0; i < changed.Count; i++)
                LotrFit.Put(Oriented(changed[i].Delta, changed[i].Layer), stack.AsMatrix(changed.Count * rows, columns).Slice(i * rows, 0, rows, columns));
            changed.ForEach(c => c.Delta.Dispose());
            (Matrix<double> left, Matrix<double> right, Tensor cores) = LotrFit.Compute(stack, options.Rank!, options.ThreadCount, null, cancellationToken);
            using (left)
            using (right)
            using (cores)
            {
                modules.AddRange(changed.Select((c, i) => LotrFit.Result(LayerNames.Module(c.Layer.Shape.Name), outputs, inputs, Math.Min(rows, columns), c.Norm, LotrFit.Core(cores, i))));
                return new LotrGroup
                {
                    Name = name, Left = LotrFit.Single(left.View), Right = LotrFit.Single(right.View), Inputs = inputs,
                    Cores = [.. changed.Select((c, i) => (LayerNames.Module(c.Layer.Shape.Name), LotrFit.Single(LotrFit.Core(cores, i))))],
                };
            }
        }
        finally
        {
            changed.ForEach(c => c.Delta.Dispose());
        }
    }

    private static (long Outputs, long[] Inputs) SizesOf((ModelLayer Tuned, ModelLayer Base) pair) => IsConvolution(pair.Base)
        ? (pair.Base.Tensor.Shape[0], [.. pair.Base.Tensor.Shape.Skip(1)])
        : (pair.Base.Shape.OutFeatures!.Value, [pair.Base.Shape.InFeatures!.Value]);
}
