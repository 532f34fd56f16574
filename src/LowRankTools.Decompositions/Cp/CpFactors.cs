using System.Runtime.InteropServices;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Cp;

/// <summary>The matrices of a CP decomposition on their way, with their Gram matrices. Lengths of columns are in the last matrix.</summary>
internal sealed class CpFactors : IDisposable
{
    private readonly List<Matrix<double>> _matrices;
    private readonly List<Matrix<double>> _grams;
    private readonly ComputeOptions _options;

    /// <summary>Takes matrices of R columns each, which it owns then.</summary>
    public CpFactors(IEnumerable<Matrix<double>> matrices, ComputeOptions options)
    {
        _matrices = [.. matrices];
        _options = options;
        _grams = [.. _matrices.Select(GramOf)];
    }

    public List<Matrix<double>> Matrices => _matrices;

    public int Rank => _matrices[0].Columns;

    /// <summary>Matrices first to last - 1.</summary>
    public ReadOnlySpan<Matrix<double>> Range(int first, int last) => CollectionsMarshal.AsSpan(_matrices)[first..last];

    /// <summary>||X'||^2, the sum of the entries of all Gram matrices' product entry by entry.</summary>
    public double SquaredNorm()
    {
        using Matrix<double> product = GramWithout(-1);
        double sum = 0;
        foreach (double value in product.RowBlock(0, product.Rows))
            sum += value;
        return sum;
    }

    /// <summary>The product of all Gram matrices but one, entry by entry: the normal equations' matrix of that mode.</summary>
    public Matrix<double> GramWithout(int mode)
    {
        Matrix<double>? product = null;
        for (int n = 0; n < _grams.Count; n++)
        {
            if (n == mode)
                continue;
            if (product is null)
                product = _grams[n].Copy();
            else
                RowProducts.Multiply(product.RowBlock(0, Rank), _grams[n].RowBlock(0, Rank), product.RowBlock(0, Rank));
        }
        return product!;
    }

    /// <summary>Replaces a matrix; all but the last get columns of length 1.</summary>
    public void Replace(int mode, Matrix<double> matrix)
    {
        if (mode < _matrices.Count - 1)
            Normalize(matrix);
        _matrices[mode].Dispose();
        _grams[mode].Dispose();
        (_matrices[mode], _grams[mode]) = (matrix, GramOf(matrix));
    }

    /// <summary>An independent copy.</summary>
    public CpFactors Copy() => new(_matrices.Select(m => m.Copy()), _options);

    /// <summary>The point on the line from an earlier one through this one: earlier + step (this - earlier), no entry below the least.</summary>
    public CpFactors Beyond(CpFactors earlier, double step, double least) => new(_matrices.Select((matrix, n) =>
    {
        Matrix<double> point = earlier._matrices[n].Copy();
        Span<double> to = point.RowBlock(0, point.Rows);
        ReadOnlySpan<double> through = matrix.RowBlock(0, matrix.Rows);
        for (int i = 0; i < to.Length; i++)
            to[i] = Math.Max(least, to[i] + (step * (through[i] - to[i])));
        return point;
    }), _options);

    public void Dispose()
    {
        _matrices.ForEach(m => m.Dispose());
        _grams.ForEach(g => g.Dispose());
    }

    /// <summary>Gives columns length 1, but for those of zeros.</summary>
    /// <returns>Their lengths.</returns>
    public static double[] Normalize(Matrix<double> matrix)
    {
        double[] lengths = new double[matrix.Columns];
        for (int i = 0; i < matrix.Rows; i++)
            RowProducts.AddProduct(matrix.Row(i), matrix.Row(i), lengths);
        double[] inverse = [.. lengths.Select(s => s > 0 ? 1 / Math.Sqrt(s) : 0)];
        for (int i = 0; i < matrix.Rows; i++)
            RowProducts.Multiply(matrix.Row(i), inverse, matrix.Row(i));
        return [.. lengths.Select(Math.Sqrt)];
    }

    private Matrix<double> GramOf(Matrix<double> matrix)
    {
        Matrix<double> gram = Matrix<double>.Uninitialized(matrix.Columns, matrix.Columns);
        Gemm.MultiplyByOwnTranspose(1, matrix.Transposed, 0, gram.View, _options);
        return gram;
    }
}
