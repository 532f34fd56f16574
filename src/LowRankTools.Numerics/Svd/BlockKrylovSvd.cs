using LowRankTools.Numerics.Engines;

namespace LowRankTools.Numerics.Svd;

/// <summary>
/// The route for small ranks: a block Krylov space of A A^T, grown block by block, orthonormalised throughout, and
/// Rayleigh-Ritz on it (Musco and Musco, "Randomized block Krylov methods for stronger and faster approximate singular
/// value decomposition", 2015). A is flat here (rows at most columns). With D about two ranks and a block, A
/// is multiplied by 2 D columns less a block in all. Working set beyond the input: (D + 2 rank)(rows + columns)
/// float32 and a few D^2 float64.
/// </summary>
internal sealed class BlockKrylovSvd : IDisposable
{
    private readonly ITensorEngine _engine;
    private readonly ITensor _a;
    private readonly double _squaredNorm;
    private readonly KrylovShape _shape;
    private readonly CancellationToken _ct;

    // Columns of Q span the space; columns of B are those of A^T Q. Standing like this, a block is read and written by
    // the products with A as it lies.
    private ITensor _q;
    private ITensor _b;
    private readonly RitzProblem _ritz;
    private int _dimension;

    private BlockKrylovSvd(ITensorEngine engine, ITensor a, double squaredNorm, KrylovShape shape, CancellationToken ct)
    {
        (_engine, _a, _squaredNorm, _shape, _ct) = (engine, a, squaredNorm, shape, ct);
        _q = engine.Create(ElementType.Float32, a.Shape[0], shape.FirstDimensions);
        _b = engine.Create(ElementType.Float32, a.Shape[1], shape.FirstDimensions);
        _ritz = new RitzProblem(engine, squaredNorm, Factor, shape);
    }

    /// <summary>Computes the leading components of flat A, or null when the space was not allowed to grow far enough.</summary>
    /// <param name="engine">Engine that holds A.</param>
    /// <param name="a">A, rows at most columns.</param>
    /// <param name="target">What is asked; its rank or limit is the one that <paramref name="shape"/> was made for.</param>
    /// <param name="squaredNorm">||A||_F^2.</param>
    /// <param name="shape">Sizes of the space.</param>
    /// <param name="seed">Chooses the random start.</param>
    /// <param name="progress">Receives 0 to 1.</param>
    /// <param name="ct">Stops the computation.</param>
    public static TruncatedSvdResult? Compute(ITensorEngine engine, ITensor a, RankTarget target, double squaredNorm, KrylovShape shape, ulong seed, IProgress<double>? progress, CancellationToken ct)
    {
        using var krylov = new BlockKrylovSvd(engine, a, squaredNorm, shape, ct);
        for (int goal = shape.FirstDimensions; goal <= shape.MostDimensions; goal += shape.BlockSize)
        {
            krylov.Reserve(goal);
            while (krylov._dimension < goal)
            {
                if (krylov._dimension == 0) krylov.Start(seed);
                else krylov.Grow();
                progress?.Report(0.9 * krylov._dimension / shape.MostDimensions);
            }

            (double[] values, ITensor vectors) = krylov._ritz.Solve(krylov.Columns(krylov._b, 0, krylov._dimension), krylov.LastImages, ct);
            using ITensor owned = vectors;
            if (krylov.MayStillGain(values, engine.ToArray(vectors)) > shape.AllowedGain) continue;
            double[] sigma = [.. values.Take(shape.Rank).Select(value => Math.Sqrt(Math.Max(value, 0)))];
            int rank = RankChoice.Find(target, sigma, squaredNorm);
            return krylov.Assemble(rank == 0 ? sigma.Length : rank, vectors);
        }

        return null;
    }

    // A multiplies twice between two normalisations: without this factor, entries of 1e30 would overflow.
    private double Factor => _squaredNorm > 0 ? Math.Clamp(1 / Math.Sqrt(_squaredNorm), 1e-37, 1e37) : 1;

    /// <summary>Frees the space.</summary>
    public void Dispose()
    {
        _q.Dispose();
        _b.Dispose();
        _ritz.Dispose();
    }

    private ITensor LastImages => Columns(_b, _dimension - _shape.BlockSize, _shape.BlockSize);

    // Most spaces are good enough at their first look: room for more is made when it is needed.
    private void Reserve(int dimensions)
    {
        if (dimensions <= _q.Shape[1]) return;
        _q = Widened(_q);
        _b = Widened(_b);

        ITensor Widened(ITensor old)
        {
            ITensor wide = _engine.Create(ElementType.Float32, old.Shape[0], _shape.MostDimensions);
            _engine.AddScaled(1, Columns(old, 0, _dimension), 0, Columns(wide, 0, _dimension));
            old.Dispose();
            return wide;
        }
    }

    // The first block is a sketch of A's columns, which costs one look at A.
    private void Start(ulong seed)
    {
        int count = _shape.BlockSize;
        ITensor block = Columns(_q, 0, count), result = Columns(_b, 0, count);
        using ITensor sketch = SketchStart.Make(_engine, _engine.Transpose(_a), count, Factor, seed, _ct);
        _engine.AddScaled(Factor, sketch, 0, block);
        _engine.OrthonormalizeRows(_engine.Transpose(block), _ct);
        _engine.MatMul(1, _engine.Transpose(_a), block, 0, result, _ct);
        _dimension = count;
    }

    // Adds the block A images to the space.
    private void Grow()
    {
        int count = _shape.BlockSize;
        ITensor images = LastImages, block = Columns(_q, _dimension, count), result = Columns(_b, _dimension, count);
        _engine.MatMul(Factor, _a, images, 0, block, _ct);
        _ritz.Take(BlockGramSchmidt.Extend(_engine, Columns(_q, 0, _dimension + count), _dimension, _ct), _dimension, count);
        _engine.MatMul(1, _engine.Transpose(_a), block, 0, result, _ct);
        _dimension += count;
    }

    private ITensor Columns(ITensor x, int first, int count) => _engine.Transpose(_engine.Slice(_engine.Transpose(x), first, count));

    // Estimates how far the error is from its optimum, as a share. What a block has given is about
    // sum (lambda_i - lambda_r) w_i over the weights w_i of the Ritz vectors in it; gains fall geometrically, so those
    // of the last two blocks tell what all further ones would add. The factors are measured against the true optimum
    // on spectra i^-0.15 to i^-1 with one to six blocks a rank, where the estimate stays within a factor of two.
    private double MayStillGain(double[] values, double[] vectors)
    {
        if (_dimension >= _a.Shape[0]) return 0;
        int rank = Math.Min(_shape.Rank, _dimension), block = _shape.BlockSize;
        double left = _squaredNorm, last = 0, previous = 0;
        for (int i = 0; i < rank; i++)
        {
            left -= values[i];
            ReadOnlySpan<double> vector = vectors.AsSpan(i * _dimension, _dimension);
            double above = values[i] - values[rank - 1];
            foreach (double value in vector[(_dimension - block)..]) last += above * value * value;
            foreach (double value in vector[(_dimension - (2 * block))..(_dimension - block)]) previous += above * value * value;
        }

        double blocksPerRank = (double)rank / block;
        double gain = 1.2 * last;
        if (blocksPerRank >= 2 && previous > last) gain = Math.Min(gain, (0.1 + (0.55 * blocksPerRank)) * last * last / (previous - last));

        // Below this, what is left out is rounding of float32 and not worth another block.
        return gain / Math.Max(left, 1e-12 * Math.Max(_squaredNorm, double.Epsilon));
    }

    private TruncatedSvdResult Assemble(int rank, ITensor vectors)
    {
        using ITensor coefficients = _engine.Copy(_engine.Slice(vectors, 0, rank), ElementType.Float32);
        using ITensor u = Turned(_q, coefficients), v = Turned(_b, coefficients);
        ITensor ut = _engine.Transpose(u), vt = _engine.Transpose(v);

        // A^T u = sigma v: the lengths are the singular values, to float32's own accuracy however T was made.
        using ITensor gram = _engine.Gram(vt, _ct);
        double[] products = _engine.ToArray(gram), sigma = [.. Enumerable.Range(0, rank).Select(i => Math.Sqrt(products[(i * rank) + i]))];

        // Orthonormal to the last digit.
        _engine.OrthonormalizeRows(ut, _ct);
        _engine.OrthonormalizeRows(vt, _ct);
        return SvdAssembly.Finish(_engine, _a, ut, sigma, vt, _squaredNorm, $"block Krylov, {_dimension} dimensions in blocks of {_shape.BlockSize}", _ct);
    }

    private ITensor Turned(ITensor basis, ITensor coefficients)
    {
        ITensor target = _engine.Create(ElementType.Float32, basis.Shape[0], coefficients.Shape[0]);
        _engine.MatMul(1, Columns(basis, 0, _dimension), _engine.Transpose(coefficients), 0, target, _ct);
        return target;
    }
}
