using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Numerics.Engines;

/// <summary>
/// What every engine can do. Algorithms are written once above these primitives, and one conformance suite runs
/// against every engine. Matrices are two-dimensional tensors, rows x columns. What can be said by other primitives has
/// a body here that says it so; an engine that has a faster way overrides it. Nothing above an engine asks which one it is.
/// </summary>
/// <remarks>
/// Errors are <see cref="LowRankToolsException"/> with the ids ShapesDoNotMatch, NonFiniteValues (by every
/// factorization whose input holds NaN or infinity), NotPositiveDefinite, SingularMatrix, ElementTypeNotSupported and
/// ForeignTensor. Long operations throw <see cref="OperationCanceledException"/>.
/// </remarks>
public interface ITensorEngine
{
    /// <summary>Name, device and instruction set.</summary>
    EngineInfo Info { get; }

    /// <summary>A tensor of zeros.</summary>
    ITensor Create(ElementType type, params ReadOnlySpan<int> shape);

    /// <summary>A float32 tensor with the given entries, last dimension fastest.</summary>
    ITensor From(ReadOnlySpan<float> values, params ReadOnlySpan<int> shape);

    /// <summary>
    /// A matrix for reading. It may share the memory it is made from, which must then outlive it and stay unchanged.
    /// </summary>
    ITensor Load(MatrixView<float> matrix);

    /// <summary>A float64 matrix for reading, under the same terms.</summary>
    ITensor Load(MatrixView<double> matrix);

    /// <summary>Standard normal entries; the same seed gives the same entries on one engine, whatever the threads.</summary>
    ITensor Random(ulong seed, params ReadOnlySpan<int> shape);

    /// <summary>The entries as a float32 matrix: first dimension x all others.</summary>
    Matrix<float> ToMatrix(ITensor x);

    /// <summary>The entries as float64 in order.</summary>
    double[] ToArray(ITensor x);

    /// <summary>The same entries in another type, contiguous and independent.</summary>
    ITensor Copy(ITensor x, ElementType type);

    /// <summary>Entries <paramref name="first"/> to first + count - 1 of the first dimension, sharing memory.</summary>
    ITensor Slice(ITensor x, int first, int count);

    /// <summary>Entries <paramref name="first"/> to first + count - 1 of any one dimension. A copy.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such dimension, or it has no such entries.</exception>
    ITensor SliceAlong(ITensor x, int dimension, int first, int count) => ComposedPrimitives.SliceAlong(this, x, dimension, first, count);

    /// <summary>Tensors one after the other along a dimension; they are alike in all others and of one type. A copy.</summary>
    /// <exception cref="LowRankToolsException">ShapesDoNotMatch, also where there is no tensor; ElementTypeNotSupported.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such dimension.</exception>
    ITensor Concatenate(int dimension, params ReadOnlySpan<ITensor> parts) => ComposedPrimitives.Concatenate(this, dimension, parts);

    /// <summary>The transpose of a matrix, sharing memory.</summary>
    ITensor Transpose(ITensor x);

    /// <summary>Dimensions in another order: dimension i of the result is dimension <paramref name="order"/>[i] of x. A copy.</summary>
    ITensor Permute(ITensor x, params ReadOnlySpan<int> order);

    /// <summary>The same entries in the same order under another shape of the same length. A copy.</summary>
    ITensor Reshape(ITensor x, params ReadOnlySpan<int> shape);

    /// <summary>C = alpha A B + beta C for matrices of one element type; beta = 0 overwrites.</summary>
    void MatMul(double alpha, ITensor a, ITensor b, double beta, ITensor c, CancellationToken ct = default);

    /// <summary>
    /// The sum over pairs of dimensions, dimension <paramref name="ofA"/>[i] of A with dimension <paramref name="ofB"/>[i] of B. The result has the other
    /// dimensions of A in their order, then those of B; without pairs it is the outer product.
    /// </summary>
    /// <exception cref="LowRankToolsException">ShapesDoNotMatch: dimensions of other sizes, named twice, not there, or not in pairs; ElementTypeNotSupported.</exception>
    ITensor Contract(ITensor a, ReadOnlySpan<int> ofA, ITensor b, ReadOnlySpan<int> ofB, CancellationToken ct = default) =>
        ComposedPrimitives.Contract(this, a, ofA, b, ofB, ct);

    /// <summary>
    /// (S A)^T, n x count, for the sparse S (count x m) that adds row i of A with its sign to sum i modulo count: a look at A, where an engine has a
    /// way of its own, and a product with S elsewhere.
    /// </summary>
    /// <param name="a">A, a float32 matrix m x n.</param>
    /// <param name="signs">m numbers, 1 or -1.</param>
    /// <param name="count">Number of sums, at least 1.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <exception cref="LowRankToolsException">ShapesDoNotMatch; ElementTypeNotSupported.</exception>
    ITensor SignedSums(ITensor a, ReadOnlySpan<float> signs, int count, CancellationToken ct = default) =>
        ComposedPrimitives.SignedSums(this, a, signs, count, ct);

    /// <summary>A A^T in float64 (m x m) for A (m x n) of either type.</summary>
    ITensor Gram(ITensor a, CancellationToken ct = default);

    /// <summary>y = alpha x + beta y, entry by entry.</summary>
    void AddScaled(double alpha, ITensor x, double beta, ITensor y);

    /// <summary>Combines corresponding entries of two tensors of one shape and type.</summary>
    ITensor Combine(ElementOperation operation, ITensor x, ITensor y);

    /// <summary>Sum of the squares of all entries, accumulated in float64.</summary>
    double SumOfSquares(ITensor x);

    /// <summary>The sum of the squares of each row of a matrix, accumulated in float64.</summary>
    double[] SquaredRowNorms(ITensor x);

    /// <summary>Multiplies row i of a matrix by <paramref name="factors"/>[i].</summary>
    void ScaleRows(ReadOnlySpan<double> factors, ITensor x);

    /// <summary>Sums over one dimension, accumulated in float64; the result has the other dimensions.</summary>
    ITensor Sum(ITensor x, int dimension);

    /// <summary>A (m x n) = Q R with orthonormal columns in Q (m x k), R (k x n) upper triangular, k = min(m, n).</summary>
    (ITensor Q, ITensor R) Qr(ITensor a, CancellationToken ct = default);

    /// <summary>
    /// Replaces the rows of a float32 matrix X (at most as many as columns) by an orthonormal basis Q of them: X = L Q
    /// with L lower triangular and no negative entry on its diagonal.
    /// </summary>
    void OrthonormalizeRows(ITensor a, CancellationToken ct = default);

    /// <summary>The lower triangular L of A = L L^T.</summary>
    ITensor Cholesky(ITensor a, CancellationToken ct = default);

    /// <summary>
    /// Eigenvalues of a symmetric matrix, descending, and as rows (k x n) the eigenvectors of the k largest, to the
    /// rounding of its element type.
    /// </summary>
    /// <param name="a">A, n x n.</param>
    /// <param name="choose">Receives all values and says how many vectors are wanted; null for all.</param>
    /// <param name="ct">Stops the computation.</param>
    (double[] Values, ITensor Vectors) SymmetricEigen(ITensor a, Func<double[], int>? choose = null, CancellationToken ct = default);

    /// <summary>
    /// The same of a matrix that is finite and of no use afterwards, but to be disposed of: an engine may compute in its memory and free it.
    /// </summary>
    (double[] Values, ITensor Vectors) SymmetricEigenInPlace(ITensor a, Func<double[], int>? choose = null, CancellationToken ct = default) =>
        SymmetricEigen(a, choose, ct);

    /// <summary>The full singular value decomposition of a float32 matrix, A = U diag(s) Vt with min(m, n) components.</summary>
    (ITensor U, double[] SingularValues, ITensor Vt) Svd(ITensor a, CancellationToken ct = default);

    /// <summary>The least-squares solution X (n x p) of A X = B for A (m x n) of full column rank, m at least n.</summary>
    ITensor Solve(ITensor a, ITensor b, CancellationToken ct = default);
}
