using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.RandomNumbers;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Engines.Embedded;

/// <summary>The engine in pure C#: no native library, the same bits for every thread count.</summary>
/// <param name="options">Threads and seed; null for the defaults.</param>
public sealed partial class EmbeddedEngine(ComputeOptions? options = null) : ITensorEngine
{
    private readonly ComputeOptions _options = options ?? ComputeOptions.Default;

    /// <inheritdoc/>
    public EngineInfo Info => EngineCatalog.Embedded with { ThreadCount = Threads };

    private int Threads => WorkerPool.Resolve(_options.ThreadCount);

    /// <inheritdoc/>
    public ITensor Create(ElementType type, params ReadOnlySpan<int> shape) =>
        type == ElementType.Float32 ? Zeros<float>(shape) : Zeros<double>(shape);

    /// <inheritdoc/>
    public ITensor From(ReadOnlySpan<float> values, params ReadOnlySpan<int> shape)
    {
        if (EmbeddedTensor.LengthOf(shape) != values.Length) throw Mismatch($"{values.Length} values do not fill {Text(shape)}.");
        EmbeddedTensor<float> tensor = Zeros<float>(shape);
        if (values.Length > 0) values.CopyTo(Contiguous(tensor.View));
        return tensor;
    }

    /// <inheritdoc/>
    public ITensor Load(MatrixView<float> matrix) => new EmbeddedTensor<float>([matrix.Rows, matrix.Columns], matrix, null);

    /// <inheritdoc/>
    public ITensor Load(MatrixView<double> matrix) => new EmbeddedTensor<double>([matrix.Rows, matrix.Columns], matrix, null);

    /// <inheritdoc/>
    public ITensor Random(ulong seed, params ReadOnlySpan<int> shape)
    {
        EmbeddedTensor<float> tensor = Zeros<float>(shape);
        if (tensor.Length > 0) new DeterministicRandom(seed).FillGaussian(Contiguous(tensor.View));
        return tensor;
    }

    /// <inheritdoc/>
    public Matrix<float> ToMatrix(ITensor x) => Own(x) switch
    {
        EmbeddedTensor<float> single => single.View.ToMatrix(),
        EmbeddedTensor<double> wide => Converted<double, float>(wide.View),
        _ => throw Foreign(),
    };

    /// <inheritdoc/>
    public double[] ToArray(ITensor x)
    {
        using Matrix<double> matrix = Wide(Own(x));
        return matrix.ToArray();
    }

    /// <inheritdoc/>
    public ITensor Copy(ITensor x, ElementType type)
    {
        int[] shape = [.. x.Shape];
        return (Own(x), type) switch
        {
            (EmbeddedTensor<float> t, ElementType.Float32) => EmbeddedTensor<float>.Over(t.View.ToMatrix(), shape),
            (EmbeddedTensor<float> t, _) => EmbeddedTensor<double>.Over(Converted<float, double>(t.View), shape),
            (EmbeddedTensor<double> t, ElementType.Float32) => EmbeddedTensor<float>.Over(Converted<double, float>(t.View), shape),
            (EmbeddedTensor<double> t, _) => EmbeddedTensor<double>.Over(t.View.ToMatrix(), shape),
            _ => throw Foreign(),
        };
    }

    /// <inheritdoc/>
    public ITensor Slice(ITensor x, int first, int count)
    {
        int[] shape = [count, .. x.Shape.Skip(1)];
        return Own(x) switch
        {
            EmbeddedTensor<float> t => new EmbeddedTensor<float>(shape, t.View.Slice(first, 0, count, t.View.Columns), null),
            EmbeddedTensor<double> t => new EmbeddedTensor<double>(shape, t.View.Slice(first, 0, count, t.View.Columns), null),
            _ => throw Foreign(),
        };
    }

    /// <inheritdoc/>
    public ITensor Transpose(ITensor x)
    {
        RequireMatrix(x);
        int[] shape = [x.Shape[1], x.Shape[0]];
        return Own(x) switch
        {
            EmbeddedTensor<float> t => new EmbeddedTensor<float>(shape, t.View.Transpose(), null),
            EmbeddedTensor<double> t => new EmbeddedTensor<double>(shape, t.View.Transpose(), null),
            _ => throw Foreign(),
        };
    }

    /// <inheritdoc/>
    public ITensor Permute(ITensor x, params ReadOnlySpan<int> order) => Own(x) switch
    {
        EmbeddedTensor<float> t => Permuted(t, order, Threads),
        EmbeddedTensor<double> t => Permuted(t, order, Threads),
        _ => throw Foreign(),
    };

    /// <inheritdoc/>
    public ITensor Reshape(ITensor x, params ReadOnlySpan<int> shape)
    {
        if (EmbeddedTensor.LengthOf(shape) != x.Length) throw Mismatch($"{Text([.. x.Shape])} cannot become {Text(shape)}.");
        return Own(x) switch
        {
            EmbeddedTensor<float> t => Reshaped(t, shape),
            EmbeddedTensor<double> t => Reshaped(t, shape),
            _ => throw Foreign(),
        };
    }

    /// <inheritdoc/>
    public void AddScaled(double alpha, ITensor x, double beta, ITensor y)
    {
        RequireSameShape(x, y);
        if (Own(x) is EmbeddedTensor<float> xs && Own(y) is EmbeddedTensor<float> ys) AddScaled((float)alpha, xs.View, (float)beta, ys.View, Threads);
        else if (Own(x) is EmbeddedTensor<double> xd && Own(y) is EmbeddedTensor<double> yd) AddScaled(alpha, xd.View, beta, yd.View, Threads);
        else throw WrongType();
    }

    /// <inheritdoc/>
    public ITensor Combine(ElementOperation operation, ITensor x, ITensor y)
    {
        RequireSameShape(x, y);
        return (Own(x), Own(y)) switch
        {
            (EmbeddedTensor<float> p, EmbeddedTensor<float> q) => Combined(operation, p, q),
            (EmbeddedTensor<double> p, EmbeddedTensor<double> q) => Combined(operation, p, q),
            _ => throw WrongType(),
        };
    }

    /// <inheritdoc/>
    public double SumOfSquares(ITensor x)
    {
        if (Own(x) is EmbeddedTensor<float> single) return Norms.FrobeniusSquared(single.View, _options);
        return ToArray(x).Sum(value => value * value);
    }

    /// <inheritdoc/>
    public double[] SquaredRowNorms(ITensor x)
    {
        RequireMatrix(x);
        return Own(x) switch
        {
            EmbeddedTensor<float> single => RowLengths.Squared(single.View, Threads),
            EmbeddedTensor<double> wide => RowLengths.Squared(wide.View, Threads),
            _ => throw Foreign(),
        };
    }

    /// <inheritdoc/>
    public void ScaleRows(ReadOnlySpan<double> factors, ITensor x)
    {
        RequireMatrix(x);
        if (factors.Length != x.Shape[0]) throw Mismatch($"{factors.Length} factors do not fit the rows of {Text([.. x.Shape])}.");
        double[] copy = factors.ToArray();
        if (Own(x) is EmbeddedTensor<float> single) RowLengths.Scale(copy, single.View, Threads);
        else if (Own(x) is EmbeddedTensor<double> wide) RowLengths.Scale(copy, wide.View, Threads);
    }

    /// <inheritdoc/>
    public ITensor Sum(ITensor x, int dimension)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)dimension, (uint)x.Shape.Count, nameof(dimension));
        int before = (int)EmbeddedTensor.LengthOf([.. x.Shape.Take(dimension)]), size = x.Shape[dimension];
        int after = (int)EmbeddedTensor.LengthOf([.. x.Shape.Skip(dimension + 1)]);
        int[] shape = [.. x.Shape.Where((_, i) => i != dimension)];
        double[] values = ToArray(x);
        using EmbeddedTensor<double> sums = Zeros<double>(shape);
        Span<double> target = sums.Length > 0 ? Contiguous(sums.View) : [];
        for (int b = 0; b < before; b++)
        {
            for (int s = 0; s < size; s++)
            {
                for (int a = 0; a < after; a++) target[(b * after) + a] += values[(((b * size) + s) * after) + a];
            }
        }

        return Copy(sums, x.ElementType);
    }
}
