using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Adapters;

/// <summary>One module's pair in memory, the scale inside it: Delta (out x in) = B A.</summary>
internal sealed class AdapterFactors : IDisposable
{
    private const int ElementsAtATime = 1 << 16;

    /// <summary>Name of the module.</summary>
    public required string Name { get; init; }

    /// <summary>A, r x in.</summary>
    public required Matrix<float> A { get; init; }

    /// <summary>B, out x r.</summary>
    public required Matrix<float> B { get; init; }

    /// <summary>Inputs as they are stored: (in), or (in, kernel) of a convolution.</summary>
    public required long[] Inputs { get; init; }

    /// <summary>Whether the pair is an embedding's.</summary>
    public bool IsEmbedding { get; init; }

    /// <summary>DoRA's lengths of the rows of W + B A, 1 x out; null for a plain pair.</summary>
    public Matrix<float>? Magnitude { get; init; }

    /// <summary>r.</summary>
    public int Rank => A.Rows;

    /// <summary>Shape of A in a file: (r, in), or (r, in, kernel).</summary>
    public long[] ShapeOfA => [Rank, .. Inputs];

    /// <summary>Shape of B in a file: (out, r), with ones for a kernel.</summary>
    public long[] ShapeOfB => [B.Rows, Rank, .. Inputs.Skip(1).Select(_ => 1L)];

    /// <summary>Shape of the lengths in a file: (out), or with ones around it for a kernel.</summary>
    public long[] ShapeOfMagnitude => Inputs.Length == 1 ? [B.Rows] : [1, B.Rows, .. Inputs.Skip(1).Select(_ => 1L)];

    /// <summary>Parameters of the module.</summary>
    public long Parameters => A.Length + B.Length + (Magnitude?.Length ?? 0);

    /// <summary>Reads a module, its scale put into B.</summary>
    public static AdapterFactors Read(AdapterModule module, CancellationToken cancellationToken)
    {
        Matrix<float> b = module.ReadB(cancellationToken);
        try
        {
            Scale(b, module.Scaling);
            return new AdapterFactors { Name = module.Name, A = module.ReadA(cancellationToken), B = b, Inputs = module.Inputs, IsEmbedding = module.IsEmbedding };
        }
        catch
        {
            b.Dispose();
            throw;
        }
    }

    /// <summary>Multiplies every entry.</summary>
    public static void Scale(Matrix<float> matrix, double factor)
    {
        if (factor == 1)
            return;
        // Rows may be as short as a rank: many at a time.
        int step = Math.Max(1, ElementsAtATime / Math.Max(1, matrix.Columns));
        for (int i = 0; i < matrix.Rows; i += step)
        {
            foreach (ref float value in matrix.RowBlock(i, Math.Min(step, matrix.Rows - i)))
                value = (float)(value * factor);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        A.Dispose();
        B.Dispose();
        Magnitude?.Dispose();
    }
}
