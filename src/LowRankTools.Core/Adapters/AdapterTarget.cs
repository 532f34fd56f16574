using LowRankTools.Core.Layers;
using LowRankTools.Core.Storage;
using LowRankTools.Formats.Files;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Adapters;

/// <summary>A module of an adapter and the weight of a base model that it is added to.</summary>
/// <param name="Module">Adds Delta (out x in).</param>
/// <param name="Layer">The weight.</param>
/// <param name="Transposed">Whether the weight is stored (in, out).</param>
internal sealed record AdapterTarget(AdapterModule Module, ModelLayer Layer, bool Transposed)
{
    /// <summary>Where the weight's rows lie against the adapter's.</summary>
    public RowOrder Order { get; init; }

    /// <summary>The weight with the adapter in it: W + weight * scaling * B A, or DoRA's rescaled rows of that.</summary>
    /// <param name="file">File of the base model.</param>
    /// <param name="weight">Strength; 1 for the adapter as it was trained.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    /// <returns>The matrix as it is stored, whatever its shape: the elements lie in the tensor's order.</returns>
    /// <exception cref="LowRankToolsException"><c>NonFiniteValues</c>, and those of reading.</exception>
    public Matrix<float> Merge(TensorFile file, double weight, CancellationToken cancellationToken)
    {
        Matrix<float> stored = WeightMatrix.Read(file, Layer.Tensor, cancellationToken);
        try
        {
            Add(OutIn(stored), weight, cancellationToken);
            return stored;
        }
        catch
        {
            stored.Dispose();
            throw;
        }
    }

    /// <summary>Delta alone, in the order in which the weight is stored.</summary>
    public Matrix<float> Delta(double weight, CancellationToken cancellationToken)
    {
        Matrix<float> delta = new(1, checked((int)Layer.Tensor.ElementCount));
        Add(OutIn(delta), weight, cancellationToken);
        return delta;
    }

    // The same elements seen as out x in: kernels lie beside their inputs, so that no element moves.
    private unsafe MatrixView<float> OutIn(Matrix<float> stored)
    {
        int outputs = checked((int)Module.OutFeatures), inputs = checked((int)Module.InFeatures);
        return Transposed
            ? new MatrixView<float>(stored.Pointer, inputs, outputs, outputs, 1, stored).Transpose()
            : new MatrixView<float>(stored.Pointer, outputs, inputs, inputs, 1, stored);
    }

    private void Add(MatrixView<float> target, double weight, CancellationToken cancellationToken)
    {
        using Matrix<float> a = Module.ReadA(cancellationToken), b = Module.ReadB(cancellationToken);
        // The scale goes into the small factor in float64: one rounding an entry of B, not one of the scale for all.
        AdapterFactors.Scale(b, Module.Scaling * weight);
        Order.Apply(b);
        Gemm.Multiply(1, b.View, a.View, 1, target, null, cancellationToken);
        if (Module.Magnitude is not null)
            Rescale(target, cancellationToken);
    }

    // DoRA (Liu and others, 2024): row i of W + Delta gets the length m_i.
    private void Rescale(MatrixView<float> target, CancellationToken cancellationToken)
    {
        using Matrix<float> magnitude = Module.ReadMagnitude(cancellationToken);
        using Matrix<float> column = Matrix<float>.From(magnitude.Columns, 1, magnitude.Row(0));
        Order.Apply(column);
        for (int i = 0; i < target.Rows; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            MatrixView<float> row = target.Slice(i, 0, 1, target.Columns);
            double length = Math.Sqrt(Norms.FrobeniusSquared(row, null, cancellationToken));
            // A row of zeros has no direction and stays zero.
            float factor = length > 0 ? (float)(column[i, 0] / length) : 0;
            for (int j = 0; j < target.Columns; j++)
                row[0, j] *= factor;
        }
    }
}
