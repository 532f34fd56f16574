using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;
using LowRankTools.Numerics.Matrices;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Engine;

/// <content>Primitives of neural networks, each as a few calls of libtorch; the gradients are written out, not recorded.</content>
public sealed partial class TorchSharpEngine : INetworkEngine
{
    /// <inheritdoc/>
    public ITensor Uninitialized(ElementType type, params ReadOnlySpan<int> shape)
    {
        long[] sizes = Sizes(shape);
        return Run(() => TorchTensor.Own(empty(sizes, Type(type), _device)));
    }

    /// <inheritdoc/>
    public ITensor FromDoubles(ReadOnlySpan<double> values, params ReadOnlySpan<int> shape)
    {
        long[] sizes = Sizes(shape);
        if (Product(sizes) != values.Length) throw Mismatch($"{values.Length} values do not fill {Text(sizes)}.");
        double[] copy = values.ToArray();
        return Run(() => Fresh(OnDevice(tensor(copy, ScalarType.Float64)).reshape(sizes), ScalarType.Float64));
    }

    /// <inheritdoc/>
    public ITensor Adopt(Matrix<float> matrix, params ReadOnlySpan<int> shape)
    {
        long[] sizes = Sizes(shape);
        if (Product(sizes) != matrix.Length) throw Mismatch($"({matrix.Rows} x {matrix.Columns}) does not fill {Text(sizes)}.");
        using (matrix) return Run(() => TorchTensor.Own(FromRows(matrix.View).reshape(sizes)));
    }

    /// <inheritdoc/>
    public ITensor Columns(ITensor x, int first, int count)
    {
        RequireMatrix(x);
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, x.Shape[1] - first);
        return Mine(x).Transposed().Sliced(first, count).Transposed();
    }

    /// <inheritdoc/>
    public ITensor AsMatrix(ITensor x) => Mine(x).Flattened();

    /// <inheritdoc/>
    public ITensor View(ITensor x, params ReadOnlySpan<int> shape)
    {
        if (Product(Sizes(shape)) != x.Length) throw Mismatch($"{Text(x)} cannot become {Text(Sizes(shape))}.");
        return Mine(x).Viewed(shape) ?? throw Mismatch($"The entries of this {Text(x)} do not lie one after the other.");
    }

    /// <inheritdoc/>
    public void Fill(ITensor x, double value) => Run(() => { Mine(x).Open().fill_(value); });

    /// <inheritdoc/>
    public void AddColumnSums(ITensor x, ITensor sums, CancellationToken ct = default)
    {
        NetworkShapes.RequireColumns(x, sums);
        Run(() => { Mine(sums).Open().add_(Mine(x).Open().sum(0L).reshape(Wide(sums))); });
    }

    /// <inheritdoc/>
    public void Activate(Activation activation, ITensor x, ITensor? bias, ITensor y, CancellationToken ct = default)
    {
        NetworkShapes.RequireSame(x, y);
        NetworkShapes.RequireColumns(x, bias);
        Run(() => { ActivationFormulas.Apply(activation, Biased(x, bias, y)); });
    }

    /// <inheritdoc/>
    public void ActivateBackward(Activation activation, ITensor x, ITensor? bias, ITensor dy, ITensor dx, CancellationToken ct = default)
    {
        NetworkShapes.RequireSame(x, dy);
        NetworkShapes.RequireSame(x, dx);
        NetworkShapes.RequireColumns(x, bias);
        Run(() =>
        {
            Tensor z = bias is null ? Mine(x).Open() : Mine(x).Open().add(Vector(bias));
            Mine(dx).Open().copy_(ActivationFormulas.Slope(activation, z).mul_(Mine(dy).Open()));
        });
    }

    /// <inheritdoc/>
    public void Gate(Activation activation, ITensor gate, ITensor up, ITensor y, CancellationToken ct = default)
    {
        NetworkShapes.RequireSame(gate, up);
        NetworkShapes.RequireSame(gate, y);
        Run(() => { Mine(y).Open().copy_(ActivationFormulas.Apply(activation, Mine(gate).Open().clone()).mul_(Mine(up).Open())); });
    }

    /// <inheritdoc/>
    public void Normalize(Normalization kind, ITensor x, ITensor? weight, ITensor? bias, double epsilon, ITensor y, CancellationToken ct = default)
    {
        NetworkShapes.RequireSame(x, y);
        NetworkShapes.RequireColumns(x, weight);
        NetworkShapes.RequireColumns(x, bias);
        if (x.Length == 0) return;
        Run(() =>
        {
            Tensor? factors = weight is null ? null : Vector(weight), summands = bias is null ? null : Vector(bias);
            if (kind == Normalization.Layer)
            {
                Mine(y).Open().copy_(nn.functional.layer_norm(Mine(x).Open(), [x.Shape[1]], factors, summands, epsilon));
                return;
            }

            Tensor result = Normalized(kind, x, epsilon).Value;
            if (factors is not null) result.mul_(factors);
            if (summands is not null) result.add_(summands);
            Mine(y).Open().copy_(result);
        });
    }

    /// <inheritdoc/>
    public void NormalizeBackward(Normalization kind, ITensor x, ITensor? weight, double epsilon, ITensor dy, ITensor dx, ITensor? weightGradient, ITensor? biasGradient, CancellationToken ct = default)
    {
        NetworkShapes.RequireSame(x, dy);
        NetworkShapes.RequireSame(x, dx);
        NetworkShapes.RequireColumns(x, weight);
        NetworkShapes.RequireColumns(x, weightGradient);
        NetworkShapes.RequireColumns(x, biasGradient);
        if (x.Length == 0) return;
        Run(() =>
        {
            (Tensor h, Tensor scale) = Normalized(kind, x, epsilon);
            Tensor d = Mine(dy).Open(), g = weight is null ? d : d.mul(Vector(weight));
            if (weightGradient is not null) Mine(weightGradient).Open().add_(d.mul(h).sum(0L).reshape(Wide(weightGradient)));
            if (biasGradient is not null) Mine(biasGradient).Open().add_(d.sum(0L).reshape(Wide(biasGradient)));
            Tensor result = g.sub(h.mul(Means(g.mul(h))));
            if (kind == Normalization.Layer) result = result.sub(Means(g));
            Mine(dx).Open().copy_(result.mul(scale));
        });
    }

    /// <inheritdoc/>
    public void Gather(ITensor table, ReadOnlySpan<int> rows, ITensor y, CancellationToken ct = default)
    {
        NetworkShapes.RequireTable(table, rows, y);
        long[] numbers = Numbers(rows);
        Run(() => { Mine(y).Open().copy_(Mine(table).Open().index_select(0, Index(numbers))); });
    }

    /// <inheritdoc/>
    public void ScatterAdd(ITensor x, ReadOnlySpan<int> rows, ITensor table, CancellationToken ct = default)
    {
        NetworkShapes.RequireTable(table, rows, x);
        long[] numbers = Numbers(rows);
        Run(() => { Mine(table).Open().index_add_(0, Index(numbers), Mine(x).Open(), 1); });
    }

    // (x - mean) / size for each row, and 1 / size.
    private static (Tensor Value, Tensor Scale) Normalized(Normalization kind, ITensor x, double epsilon)
    {
        Tensor centered = Mine(x).Open();
        if (kind == Normalization.Layer) centered = centered.sub(Means(centered));
        Tensor scale = Means(centered.mul(centered)).add(epsilon).rsqrt();
        return (centered.mul(scale), scale);
    }

    private static Tensor Means(Tensor x) => x.sum(1L).div((double)x.shape[1]).unsqueeze(1);

    // y = x + bias.
    private static Tensor Biased(ITensor x, ITensor? bias, ITensor y)
    {
        Tensor target = Mine(y).Open();
        if (!ReferenceEquals(x, y)) target.copy_(Mine(x).Open());
        return bias is null ? target : target.add_(Vector(bias));
    }

    private static Tensor Vector(ITensor x) => Mine(x).Open().reshape(x.Length);

    private static long[] Wide(ITensor x) => [.. x.Shape.Select(size => (long)size)];

    private static long[] Numbers(ReadOnlySpan<int> values)
    {
        long[] numbers = new long[values.Length];
        for (int i = 0; i < numbers.Length; i++) numbers[i] = values[i];
        return numbers;
    }

    private Tensor Index(long[] numbers) => OnDevice(tensor(numbers, ScalarType.Int64));
}
