using LowRankTools.Core.Layers;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Adapters;

/// <summary>
/// What an adapter adds to one module: Delta (out x in) = Scaling * B A with B (out x r) and A (r x in). A convolution's
/// A is (r, in, kernel) and counts as (r, in * kernel).
/// </summary>
public sealed class AdapterModule
{
    private readonly TensorFile _file;

    internal AdapterModule(TensorFile file, string name, TensorInfo a, TensorInfo b, double scaling)
    {
        _file = file;
        Name = name;
        A = a;
        B = b;
        Scaling = scaling;
    }

    /// <summary>Name of the module that is adapted, without the adapter's own prefix.</summary>
    public string Name { get; }

    /// <summary>The factor that is used first, (r, in) or (r, in, kernel).</summary>
    public TensorInfo A { get; }

    /// <summary>The other factor, (out, r), or (out, r, 1, 1) of a convolution.</summary>
    public TensorInfo B { get; }

    /// <summary>Core of a convolution in three steps (LoCon), (r, r, kernel), whose A is (r, in, 1, 1); null elsewhere.</summary>
    public TensorInfo? Mid { get; internal init; }

    /// <summary>Core of LoTR, (p, q), between B (out, p) and A (q, in), which other modules share; null elsewhere.</summary>
    public TensorInfo? Core { get; internal init; }

    /// <summary>Lengths of the weight's rows (DoRA), <c>out</c> entries; null for plain LoRA.</summary>
    public TensorInfo? Magnitude { get; internal init; }

    /// <summary>Whether the adapter is known to be of an embedding, whose weight is (entries, features): the delta's transpose.</summary>
    public bool IsEmbedding { get; internal init; }

    /// <summary>Whether A is stored (in, r), as llama.cpp looks rows of an embedding's up.</summary>
    internal bool IsTurned { get; init; }

    /// <summary>What the product of the factors is multiplied by.</summary>
    public double Scaling { get; }

    /// <summary>r.</summary>
    public int Rank => checked((int)(Core ?? B).Shape[1]);

    /// <summary>Outputs.</summary>
    public long OutFeatures => B.Shape[0];

    /// <summary>Inputs, times the kernel's positions for a convolution.</summary>
    public long InFeatures => Inner * Positions;

    /// <summary>Sizes of a convolution's kernel; empty elsewhere.</summary>
    public Dimensions Kernel => Dimensions.Of((Mid ?? A).Shape.AsSpan()[2..]);

    private long Positions => Kernel.Sizes.Aggregate(1L, (n, k) => n * k);

    /// <summary>Inputs as they are stored: (in), or (in, kernel) of a convolution.</summary>
    internal long[] Inputs => [Inner, .. Kernel.Sizes];

    private long Inner => A.Shape[IsTurned ? 0 : 1];

    /// <summary>Reads A as r x in.</summary>
    /// <exception cref="LowRankToolsException"><c>NonFiniteValues</c>, and those of reading.</exception>
    public Matrix<float> ReadA(CancellationToken cancellationToken = default)
    {
        Matrix<float> a = Finite(A, ReadAs(A, checked((int)A.Shape[0]), cancellationToken));
        if (IsTurned)
        {
            using (a)
            {
                Matrix<float> turned = Matrix<float>.Uninitialized(a.Columns, a.Rows);
                a.Transposed.CopyTo(turned.View);
                return turned;
            }
        }
        if (Mid is null)
            return a;
        using (a)
        using (Matrix<float> mid = Finite(Mid, ReadAs(Mid, checked((int)Mid.Shape[0]), cancellationToken)))
            return Composed(a, mid, Positions);
    }

    /// <summary>Reads B as out x r, not scaled; of LoTR the product L M, which makes the module a plain pair exactly.</summary>
    /// <exception cref="LowRankToolsException"><c>NonFiniteValues</c>, and those of reading.</exception>
    public Matrix<float> ReadB(CancellationToken cancellationToken = default)
    {
        Matrix<float> b = ReadLeft(cancellationToken);
        if (Core is null)
            return b;
        using (b)
        using (Matrix<float> core = ReadCore(cancellationToken))
        {
            Matrix<float> product = Matrix<float>.Uninitialized(b.Rows, core.Columns);
            Gemm.Multiply(1, b.View, core.View, 0, product.View, null, cancellationToken);
            return product;
        }
    }

    /// <summary>Reads the tensor B alone, of LoTR L as out x p.</summary>
    internal Matrix<float> ReadLeft(CancellationToken cancellationToken) => Finite(B, ReadAs(B, checked((int)OutFeatures), cancellationToken));

    /// <summary>Reads LoTR's core as p x q.</summary>
    internal Matrix<float> ReadCore(CancellationToken cancellationToken) => Finite(Core!, ReadAs(Core!, checked((int)Core!.Shape[0]), cancellationToken));

    /// <summary>Reads DoRA's lengths as 1 x out.</summary>
    internal Matrix<float> ReadMagnitude(CancellationToken cancellationToken) => Finite(Magnitude!, ReadAs(Magnitude!, 1, cancellationToken));

    /// <summary>The name: what takes names takes the module.</summary>
    public override string ToString() => Name;

    // mid (p, q, kernel) and down (q, in) are one A (p, in, kernel): the two inner sums are one matrix product a position.
    private static Matrix<float> Composed(Matrix<float> down, Matrix<float> mid, long positions)
    {
        int inner = down.Rows, inputs = down.Columns, kernel = checked((int)positions);
        Matrix<float> composed = new(mid.Rows, checked(inputs * kernel));
        for (int p = 0; p < mid.Rows; p++)
        {
            // Row p of mid is (q, kernel), and of the result (in, kernel).
            using Matrix<float> core = Matrix<float>.From(inner, kernel, mid.Row(p));
            using Matrix<float> part = Matrix<float>.Uninitialized(inputs, kernel);
            Gemm.Multiply(1, down.Transposed, core.View, 0, part.View);
            part.RowBlock(0, inputs).CopyTo(composed.Row(p));
        }
        return composed;
    }

    private Matrix<float> ReadAs(TensorInfo tensor, int rows, CancellationToken cancellationToken)
    {
        Matrix<float> matrix = Matrix<float>.Uninitialized(rows, checked((int)(tensor.ElementCount / rows)));
        try
        {
            _file.ReadSingles(tensor, 0, matrix.RowBlock(0, rows), cancellationToken);
            return matrix;
        }
        catch
        {
            matrix.Dispose();
            throw;
        }
    }

    private Matrix<float> Finite(TensorInfo tensor, Matrix<float> matrix)
    {
        if (double.IsFinite(Norms.FrobeniusSquared(matrix.View)))
            return matrix;
        matrix.Dispose();
        throw new LowRankToolsException(CoreErrors.NonFiniteValues, $"{_file.Path}: tensor '{tensor.Name}' holds NaN or infinity.",
            "Train the adapter again, or use an earlier checkpoint of it.");
    }
}
