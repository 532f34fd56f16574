using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Networks.Training;

/// <summary>The entries of a tensor in an array, so that whoever knows files can write them; every bit comes back.</summary>
/// <param name="name">Its name in a checkpoint.</param>
/// <param name="shape">Sizes, first dimension outermost.</param>
/// <param name="singles">The entries of a float32 tensor, last dimension fastest; null for float64.</param>
/// <param name="doubles">Those of a float64 tensor.</param>
public sealed class SavedTensor(string name, IReadOnlyList<int> shape, float[]? singles, double[]? doubles)
{
    /// <summary>Its name in a checkpoint.</summary>
    public string Name => name;

    /// <summary>Sizes, first dimension outermost.</summary>
    public IReadOnlyList<int> Shape => shape;

    /// <summary>The entries of a float32 tensor; null for float64.</summary>
    public float[]? Singles => singles;

    /// <summary>The entries of a float64 tensor; null for float32.</summary>
    public double[]? Doubles => doubles;

    /// <summary>Copies a tensor.</summary>
    public static SavedTensor Of(INetworkEngine engine, string name, ITensor tensor)
    {
        if (tensor.ElementType == ElementType.Float64) return new SavedTensor(name, [.. tensor.Shape], null, engine.ToArray(tensor));
        using Matrix<float> matrix = engine.ToMatrix(tensor);
        return new SavedTensor(name, [.. tensor.Shape], matrix.Rows == 0 ? [] : matrix.RowBlock(0, matrix.Rows).ToArray(), null);
    }

    /// <summary>A tensor of these entries; the caller's.</summary>
    /// <exception cref="LowRankToolsException">CheckpointDoesNotFit: shape and entries contradict each other.</exception>
    public ITensor ToTensor(INetworkEngine engine)
    {
        Check();
        return singles is not null ? engine.From(singles, [.. shape]) : engine.FromDoubles(doubles, [.. shape]);
    }

    internal void Check()
    {
        long length = shape.Aggregate(1L, (product, size) => product * size);
        if ((singles?.Length ?? doubles?.Length) != length) throw Unfit($"'{name}' does not hold its {length} entries.");
    }

    internal static LowRankToolsException Unfit(string why) =>
        new("CheckpointDoesNotFit", $"The checkpoint does not belong to this training. {why}", "Go on with the network, data and options that it was saved from.");
}

/// <summary>What an optimizer remembers.</summary>
/// <param name="Description">Its kind and numbers.</param>
/// <param name="StepNumber">Steps done.</param>
/// <param name="Tensors">Named as the parameter and the memory: <c>layers.0.weight.mean</c>.</param>
public sealed record OptimizerState(string Description, int StepNumber, IReadOnlyList<SavedTensor> Tensors);

/// <summary>Everything that a training needs to go on as if it had never stopped. The frozen parameters are not in it.</summary>
/// <param name="Training">Options, data and schedule in words; only the same go on.</param>
/// <param name="Step">Steps done.</param>
/// <param name="Parameters">The trainable parameters.</param>
/// <param name="Optimizer">What the optimizer remembers.</param>
/// <param name="Curve">The losses so far.</param>
public sealed record TrainingCheckpoint(string Training, int Step, IReadOnlyList<SavedTensor> Parameters, OptimizerState Optimizer, IReadOnlyList<LossPoint> Curve);
