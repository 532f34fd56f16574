using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Numerics.Svd;

/// <summary>
/// The small eigenproblem of a Krylov space: T = Q^T A A^T Q, whose eigenvalues are the squared singular values of A as
/// far as the space knows them. Growing the space measures all of T but its last columns, in float32, for nothing.
/// </summary>
internal sealed class RitzProblem(ITensorEngine engine, double squaredNorm, double factor, KrylovShape shape) : IDisposable
{
    // Float32 measures T to about 1e-7 of its largest value. Where the error is a smaller share of the energy than
    // this, that would be felt, and T is made from B = A^T Q in float64.
    private const double TrustedShare = 1e-3;

    // In units of ||A||^2, which float32 might not hold.
    private readonly Matrix<float> _t = new(shape.MostDimensions, shape.MostDimensions);

    /// <summary>Takes the last columns of T as far as the space reaches now and, as T is symmetric, its last rows.</summary>
    /// <param name="columns">Those columns of T in units of ||A||, dimension x count, row after row.</param>
    /// <param name="dimension">Dimension of the space.</param>
    /// <param name="count">Columns.</param>
    public void Take(double[] columns, int dimension, int count)
    {
        for (int i = 0; i < dimension; i++)
        {
            for (int j = 0; j < count; j++)
            {
                int column = dimension - count + j;
                _t[i, column] = _t[column, i] = (float)(factor * columns[(i * count) + j]);
            }
        }
    }

    /// <summary>All eigenvalues, descending, and the leading eigenvectors as rows, of which the caller disposes.</summary>
    /// <param name="b">B = A^T Q, n x dimension.</param>
    /// <param name="images">The last columns of B, which T has not yet seen.</param>
    /// <param name="ct">Stops the computation.</param>
    public (double[] Values, ITensor Vectors) Solve(ITensor b, ITensor images, CancellationToken ct)
    {
        int dimension = b.Shape[1];
        if (shape.Accuracy == SvdAccuracy.Compression)
        {
            using ITensor last = engine.Create(ElementType.Float32, dimension, images.Shape[1]);
            engine.MatMul(factor, engine.Transpose(b), images, 0, last, ct);
            Take(engine.ToArray(last), dimension, images.Shape[1]);
            using ITensor t = engine.Load(_t.View.Slice(0, 0, dimension, dimension));
            (double[] values, ITensor vectors) = engine.SymmetricEigen(t, Wanted, ct);
            for (int i = 0; i < values.Length; i++) values[i] /= factor * factor;
            if (squaredNorm - values.Take(shape.Rank).Sum() > TrustedShare * squaredNorm) return (values, vectors);
            vectors.Dispose();
        }

        return GramEigen.Compute(engine, engine.Transpose(b), Wanted, null, ct);

        int Wanted(double[] all) => Math.Min(shape.Rank, all.Length);
    }

    /// <inheritdoc/>
    public void Dispose() => _t.Dispose();
}
