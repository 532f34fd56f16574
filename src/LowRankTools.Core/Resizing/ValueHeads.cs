using LowRankTools.Core.Calibration;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Resizing;

/// <summary>
/// Narrower values of one block's attention. A head of values v (d) that the heads h of queries share is read by weights O_h (m x d); A (k x d) and O'_h (m x k) are to make
/// sum over h of ||O_h v_h - O'_h A v_h||^2 the least. With C = sum of v v^T = R^T R and H = sum of O_h^T O_h, the k largest eigenvectors Q (k x d) of R H R^T give A = Q R^-T and
/// O'_h = O_h R^T Q^T: the truncated SVD of the product of the outputs' and the values' weights on what they are fed (MoDeGPT, Lin et al., 2024, type III).
/// </summary>
/// <param name="engine">What computes.</param>
/// <param name="shape">Heads.</param>
/// <param name="kept">k.</param>
/// <param name="cancellationToken">Stops the computation.</param>
internal sealed class ValueHeads(ITensorEngine engine, HeadShape shape, int kept, CancellationToken cancellationToken)
{
    /// <summary>A of every head of values, one under the other: (heads of values * k) x d.</summary>
    /// <param name="grams">C of each head of values, d x d.</param>
    /// <param name="turned">(T O)^T, (heads * d) x m, with T^T T = what weighs the outputs.</param>
    public Matrix<double> Projections(IReadOnlyList<Matrix<double>> grams, ITensor turned)
    {
        int shared = shape.Heads / shape.KeyHeads, size = shape.ValueSize;
        Matrix<double> all = Matrix<double>.Uninitialized(shape.KeyHeads * kept, size);
        for (int head = 0; head < shape.KeyHeads; head++)
        {
            using Matrix<double> weights = new(size, size);
            for (int h = head * shared; h < (head + 1) * shared; h++)
                AddGram(turned, h * size, weights);
            using GramRoot root = new(engine, grams[head], cancellationToken);
            using ITensor h2 = engine.Load(weights.View), half = Product(root.Root, h2), problem = Product(half, engine.Transpose(root.Root));
            (double[] _, ITensor vectors) = engine.SymmetricEigen(problem, values => Math.Min(kept, values.Length), cancellationToken);
            using (vectors)
            using (ITensor projection = Product(vectors, root.InverseTransposed))
                engine.ToArray(projection).CopyTo(all.RowBlock(head * kept, kept));
        }
        return all;
    }

    /// <summary>The projections as one matrix that takes all heads' values to all heads' narrower ones, (heads * k) x (heads * d).</summary>
    public Matrix<double> Spread(Matrix<double> projections)
    {
        Matrix<double> all = new(shape.Heads * kept, shape.Heads * shape.ValueSize);
        for (int i = 0; i < all.Rows; i++)
        {
            int head = i / kept;
            projections.Row(head / (shape.Heads / shape.KeyHeads) * kept + i % kept).CopyTo(all.Row(i).Slice(head * shape.ValueSize, shape.ValueSize));
        }
        return all;
    }

    /// <summary>O', m x (heads * k): each O'_h = O_h R^T Q^T by its own values' R and Q.</summary>
    /// <param name="grams">C of each head of values.</param>
    /// <param name="projections">What <see cref="Projections"/> returns.</param>
    /// <param name="outputs">O, m x (heads * d).</param>
    public Matrix<double> Readers(IReadOnlyList<Matrix<double>> grams, Matrix<double> projections, Matrix<double> outputs)
    {
        Matrix<double> all = Matrix<double>.Uninitialized(outputs.Rows, shape.Heads * kept);
        for (int head = 0; head < shape.Heads; head++)
        {
            int shared = head / (shape.Heads / shape.KeyHeads);
            // R^T Q^T = C A^T, for A R^T = Q: the values that A's rows stand for.
            using ITensor gram = engine.Load(grams[shared].View), a = engine.Load(projections.View.Slice(shared * kept, 0, kept, shape.ValueSize)), reader = Product(gram, engine.Transpose(a));
            using ITensor o = engine.Load(outputs.View.Slice(0, head * shape.ValueSize, outputs.Rows, shape.ValueSize)), narrow = Product(o, reader);
            using Matrix<double> columns = HostMatrix.Of(engine, narrow);
            columns.View.CopyTo(all.View.Slice(0, head * kept, outputs.Rows, kept));
        }
        return all;
    }

    private void AddGram(ITensor turned, int first, Matrix<double> sum)
    {
        using ITensor block = engine.Slice(turned, first, shape.ValueSize), gram = engine.Gram(block, cancellationToken);
        double[] values = engine.ToArray(gram);
        for (int i = 0; i < values.Length; i++)
            sum[i / sum.Columns, i % sum.Columns] += values[i];
    }

    private ITensor Product(ITensor a, ITensor b) => LeastSquares.Product(engine, a, b, cancellationToken);
}
