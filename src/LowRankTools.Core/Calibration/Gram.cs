using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Calibration;

/// <summary>
/// G = sum of x x^T over vectors x seen at one side of a layer: symmetric, positive semidefinite, float64. A diagonal
/// Gram is kept as its diagonal, which is all there is for one-hot inputs (how often each token occurred).
/// </summary>
internal sealed class Gram : IDisposable
{
    private Gram(Matrix<double>? dense, double[]? diagonal) => (Dense, Diagonal) = (dense, diagonal);

    /// <summary>The whole matrix, n x n; null for a diagonal one.</summary>
    public Matrix<double>? Dense { get; }

    /// <summary>The entries of a diagonal Gram; null for a whole one.</summary>
    public double[]? Diagonal { get; }

    /// <summary>n.</summary>
    public int Size => Dense?.Rows ?? Diagonal!.Length;

    /// <summary>Sum of the diagonal: the squared norms of all x together.</summary>
    public double Trace
    {
        get
        {
            double sum = 0;
            for (int i = 0; i < Size; i++)
                sum += Entry(i);
            return sum;
        }
    }

    /// <summary>A Gram of all entries, which it now owns.</summary>
    public static Gram Of(Matrix<double> dense) => new(dense, null);

    /// <summary>A diagonal Gram.</summary>
    public static Gram Of(double[] diagonal) => new(null, diagonal);

    /// <summary>Diagonal entry i: the summed squares of feature i.</summary>
    public double Entry(int i) => Dense is null ? Diagonal![i] : Dense[i, i];

    /// <summary>What damping adds to each diagonal entry; inputs that are all zero count as all alike.</summary>
    /// <param name="share">Share of the mean diagonal entry.</param>
    public double Ridge(double share) => Trace is var trace && trace > 0 ? share * trace / Size : 1;

    /// <summary>G + <paramref name="ridge"/> I, a copy.</summary>
    public Gram Plus(double ridge)
    {
        if (Dense is null)
            return Of(Array.ConvertAll(Diagonal!, d => d + ridge));
        Matrix<double> sum = Dense.Copy();
        for (int i = 0; i < Size; i++)
            sum[i, i] += ridge;
        return Of(sum);
    }

    /// <summary>The sum of Grams of one size: that of all their vectors together. Diagonal where all are.</summary>
    public static Gram Sum(IReadOnlyList<Gram> grams)
    {
        int size = grams[0].Size;
        if (grams.All(g => g.Diagonal is not null))
            return Of([.. Enumerable.Range(0, size).Select(i => grams.Sum(g => g.Diagonal![i]))]);
        Matrix<double> sum = new(size, size);
        foreach (Gram gram in grams)
            gram.AddTo(sum, 0);
        return Of(sum);
    }

    /// <summary>The Gram of vectors that lie in one block each: its blocks stand on the diagonal.</summary>
    public static Gram Blocks(IReadOnlyList<Gram> grams)
    {
        if (grams.All(g => g.Diagonal is not null))
            return Of([.. grams.SelectMany(g => g.Diagonal!)]);
        int size = grams.Sum(g => g.Size), first = 0;
        Matrix<double> blocks = new(size, size);
        foreach (Gram gram in grams)
        {
            gram.AddTo(blocks, first);
            first += gram.Size;
        }
        return Of(blocks);
    }

    /// <summary>The symmetric square root G^1/2.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    public Gram Root(ITensorEngine engine, CancellationToken cancellationToken)
    {
        if (Dense is null)
            return Of(Array.ConvertAll(Diagonal!, Math.Sqrt));
        using ITensor loaded = engine.Load(Dense.View);
        (double[] values, ITensor vectors) = engine.SymmetricEigen(loaded, null, cancellationToken);
        using (vectors)
        using (Matrix<double> scaled = HostMatrix.Of(engine, vectors))
        {
            HostMatrix.ScaleRows(scaled, Array.ConvertAll(values, l => Math.Pow(Math.Max(l, 0), 0.25)));
            using ITensor rows = engine.Load(scaled.View), root = engine.Gram(engine.Transpose(rows), cancellationToken);
            return Of(HostMatrix.Of(engine, root));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Dense?.Dispose();

    private void AddTo(Matrix<double> matrix, int first)
    {
        for (int i = 0; i < Size; i++)
        {
            Span<double> row = matrix.Row(first + i).Slice(first, Size);
            if (Dense is null)
            {
                row[i] += Diagonal![i];
                continue;
            }
            ReadOnlySpan<double> own = Dense.Row(i);
            for (int j = 0; j < own.Length; j++)
                row[j] += own[j];
        }
    }
}
