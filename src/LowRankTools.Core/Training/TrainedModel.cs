using LowRankTools.Core.Architectures;
using LowRankTools.Core.Factors;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Records;
using LowRankTools.Core.Storage;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Formats;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Core.Training;

/// <summary>Writes a model whose network was trained: what was trained in the file's own names, orientation and types, everything else bit for bit.</summary>
/// <param name="trained">The trained network.</param>
/// <param name="reference">The original, from which the record's errors are measured anew.</param>
internal sealed class TrainedModel(RunnableModel trained, ModelSource reference)
{
    /// <summary>The steps of writing.</summary>
    public List<OutputItem> Items(Model model)
    {
        Dictionary<string, (string Name, Parameter Parameter)> changed = Changed();
        Dictionary<string, TensorInfo> tensors = model.Layers.ToDictionary(l => l.Shape.Name, l => l.Tensor, StringComparer.Ordinal);
        return OutputItems.Checked([.. model.Layers.Select(layer => Item(layer, changed, tensors))], model.Source.Path);
    }

    /// <summary>Writes all items.</summary>
    public void Write(Model model, List<OutputItem> items, ModelOutput output, CancellationToken cancellationToken)
    {
        TensorCopier copier = new(model.File, output);
        foreach (OutputItem item in items)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (item is not OutputItem.Trained weight)
            {
                copier.Write(item, cancellationToken);
                continue;
            }
            using Matrix<float> matrix = trained.Engine.ToMatrix(weight.Parameter.Value);
            MatrixRows.Write(output, weight.Spec, weight.InOut ? matrix.Transposed : matrix.View, model.Source.Path, cancellationToken);
        }
    }

    /// <summary>The record of the trained pairs: what was done, and how far they are from the weights now.</summary>
    /// <param name="record">That of the factorization.</param>
    /// <param name="how">What was done, behind the method.</param>
    /// <param name="threads">Threads to use.</param>
    /// <param name="cancellationToken">Stops between layers.</param>
    public FactorizationRecord Record(FactorizationRecord record, string how, int threads, CancellationToken cancellationToken)
    {
        Dictionary<string, string> names = trained.Tensors.ToDictionary(t => t.Value, t => t.Key, StringComparer.Ordinal);
        Dictionary<string, Parameter> parameters = trained.Network.StateDict().DistinctBy(p => p.Name).ToDictionary(p => p.Name, p => p.Parameter, StringComparer.Ordinal);
        Parameter? Of(string tensor) => names.TryGetValue(tensor, out string? name) ? parameters.GetValueOrDefault(name) : null;
        using Model original = Model.Open(reference);
        return record with
        {
            Layers = [.. record.Layers.Select(layer =>
            {
                PairNames pair = new(layer.TiedTo ?? layer.Name);
                ModelLayer? dense = original.Layers.FirstOrDefault(l => l.Shape.Name == layer.Name && l.Shape.Shape == layer.Shape);
                if (layer.Ranks is not null)
                    return dense is null || MadeError(original, dense, layer, Of, cancellationToken) is not { } error ? layer : layer with { RelativeError = error };
                return dense is null || Of(pair.First) is not { } first || Of(pair.Second) is not { } second || !(first.Trainable || second.Trainable) ? layer
                    : layer with { Method = $"{layer.Method}, {how}", RelativeError = Error(original, dense, layer, first, second, threads, cancellationToken), CalibratedError = null, HeldOutError = null };
            })],
        };
    }

    private double Error(Model original, ModelLayer dense, FactorizedLayerRecord layer, Parameter first, Parameter second, int threads, CancellationToken cancellationToken)
    {
        using Matrix<float> weight = WeightMatrix.Read(original.File, dense.Tensor, cancellationToken);
        using Matrix<float> one = trained.Engine.ToMatrix(first.Value), two = trained.Engine.ToMatrix(second.Value);
        bool embedding = layer.Kind == LayerKind.Embedding;
        using Matrix<float> turned = two.Transposed.ToMatrix();
        MatrixView<float> view = !embedding && layer.Orientation == WeightOrientation.InOut ? weight.Transposed : weight.View;
        double squaredNorm = Norms.FrobeniusSquared(view, new ComputeOptions { ThreadCount = threads }, cancellationToken);
        using ITensor loaded = trained.Engine.Load(view);
        return embedding ? FactorResidual.Relative(trained.Engine, loaded, one, turned, squaredNorm, cancellationToken) : FactorResidual.Relative(trained.Engine, loaded, two, one, squaredNorm, cancellationToken);
    }

    /// <summary>The error of factors by a method of layers, whose name stays as it is, for it says how they are multiplied; null where none of them was trained.</summary>
    private double? MadeError(Model original, ModelLayer dense, FactorizedLayerRecord layer, Func<string, Parameter?> of, CancellationToken cancellationToken)
    {
        Parameter?[] factors = [.. FactorsRecord.NamesOf(layer with { Name = layer.TiedTo ?? layer.Name }).Select(of)];
        if (factors.Contains(null) || !factors.Any(f => f!.Trainable))
            return null;
        Tensor[] values = [.. factors.Select(f => Tensor.From(trained.Engine.ToArray(f!.Value), [.. f.Shape]))];
        using Tensor weight = LayerWeight.Read(original.File, dense, cancellationToken);
        double error = LayerMethods.Find(layer.Method).ErrorAgainst(weight, [.. layer.Ranks!.Sizes.Select(r => (int)r)], values, null, cancellationToken);
        Array.ForEach(values, v => v.Dispose());
        return error;
    }

    private Dictionary<string, (string Name, Parameter Parameter)> Changed()
    {
        Dictionary<string, (string, Parameter)> changed = new(StringComparer.Ordinal);
        foreach (NamedParameter named in trained.Network.StateDict())
        {
            if (named.Parameter.Trainable && trained.Tensors.TryGetValue(named.Name, out string? tensor))
                changed.TryAdd(tensor, (named.Name, named.Parameter));
        }
        return changed;
    }

    private OutputItem Item(ModelLayer layer, Dictionary<string, (string Name, Parameter Parameter)> changed, Dictionary<string, TensorInfo> tensors)
    {
        TensorSpec spec = new(layer.Shape.Name, OutputTypes.Copy(layer.Tensor.DType, ModelFormat.Safetensors, null), layer.Tensor.Shape);
        if (TensorTies.LeaderOf(layer, tensors) is { } leader)
            return new OutputItem.Alias(spec, leader);
        return changed.TryGetValue(layer.Shape.Name, out (string Name, Parameter Parameter) own)
            ? new OutputItem.Trained(own.Parameter, trained.StoredInOut.Contains(own.Name), spec with { DType = OutputTypes.Factor(layer.Tensor.DType, null) })
            : new OutputItem.Copy(layer.Tensor, spec);
    }
}
