using LowRankTools.Numerics.Engines;
using TorchSharp;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Engine;

/// <content>Products, sums and what works entry by entry.</content>
public sealed partial class TorchSharpEngine
{
    // Entries that are widened to float64 at a time: 64 MB.
    private const long BlockElements = 1 << 23;

    /// <inheritdoc/>
    public void MatMul(double alpha, ITensor a, ITensor b, double beta, ITensor c, CancellationToken ct = default)
    {
        RequireMatrix(a);
        RequireMatrix(b);
        RequireMatrix(c);
        if (a.Shape[1] != b.Shape[0] || c.Shape[0] != a.Shape[0] || c.Shape[1] != b.Shape[1])
            throw Mismatch($"{Text(a)} times {Text(b)} is not {Text(c)}.");
        if (a.ElementType != b.ElementType || a.ElementType != c.ElementType) throw WrongType();
        ct.ThrowIfCancellationRequested();
        Run(() =>
        {
            Tensor x = Mine(a).Open(), y = Mine(b).Open(), z = Mine(c).Open();

            // Before the product, which may overflow without it; on the smaller factor, which is cheaper.
            if (alpha != 1 && a.Length <= b.Length) x = x.mul(alpha);
            else if (alpha != 1) y = y.mul(alpha);

            // Into C itself. addmm takes factors in single precision, so others than 0 and 1 go before it.
            if (beta is not 0 and not 1) z.mul_(beta);
            z.addmm_(x, y, beta: beta == 0 ? 0 : 1, alpha: 1);
        });
        _counter?.AddProduct(a, b, c);
    }

    /// <inheritdoc/>
    public ITensor Gram(ITensor a, CancellationToken ct = default)
    {
        RequireMatrix(a);
        return Run(() =>
        {
            long rows = a.Shape[0];
            Tensor gram = zeros([rows, rows], ScalarType.Float64, _device);
            EachBlock(Mine(a).Open(), 1, block => gram.add_(block.mm(block.t())), ct);
            return TorchTensor.Own(gram);
        });
    }

    /// <inheritdoc/>
    public ITensor SignedSums(ITensor a, ReadOnlySpan<float> signs, int count, CancellationToken ct = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        RequireMatrix(a);
        if (a.Shape[0] != signs.Length) throw Mismatch($"{signs.Length} signs do not fit the rows of {Text(a)}.");
        if (a.ElementType != ElementType.Float32) throw WrongType();
        float[] copy = signs.ToArray();
        return Run(() =>
        {
            Tensor rows = Mine(a).Open(), signed = OnDevice(tensor(copy, ScalarType.Float32)).unsqueeze(1), sums = zeros([count, a.Shape[1]], ScalarType.Float32, _device);
            // Rounds of one row a sum, as many at a time as fit a block, and what is left of a round.
            long rounds = copy.Length / count, step = Math.Max(1, BlockElements / Math.Max(1, count * (long)a.Shape[1]));
            for (long round = 0; round < rounds; round += step)
            {
                ct.ThrowIfCancellationRequested();
                using DisposeScope scope = NewDisposeScope();
                long some = Math.Min(step, rounds - round);
                sums.add_(Signed(round * count, some * count).reshape(some, count, a.Shape[1]).sum(0L));
            }

            long rest = copy.Length % count;
            if (rest > 0) sums.narrow(0, 0, rest).add_(Signed(copy.Length - rest, rest));
            return TorchTensor.Own(sums).Transposed(move: true);

            Tensor Signed(long first, long length) => rows.narrow(0, first, length).mul(signed.narrow(0, first, length));
        });
    }

    /// <inheritdoc/>
    public void AddScaled(double alpha, ITensor x, double beta, ITensor y)
    {
        RequireAlike(x, y);
        Run(() =>
        {
            Tensor source = Mine(x).Open(), target = Mine(y).Open();
            if (beta == 1) target.add_(source, alpha);
            else if (beta == 0) target.copy_(alpha == 1 ? source : source.mul(alpha));
            else target.copy_(source.mul(alpha).add_(target, beta)); // x may be y
        });
    }

    /// <inheritdoc/>
    public ITensor Combine(ElementOperation operation, ITensor x, ITensor y)
    {
        RequireAlike(x, y);
        return Run(() =>
        {
            Tensor p = Mine(x).Open(), q = Mine(y).Open();
            return Fresh(operation switch
            {
                ElementOperation.Add => p.add(q),
                ElementOperation.Subtract => p.sub(q),
                ElementOperation.Multiply => p.mul(q),
                ElementOperation.Divide => p.div(q),
                _ => p.maximum(q),
            }, p.dtype);
        });
    }

    /// <inheritdoc/>
    public double SumOfSquares(ITensor x) => Run(() =>
    {
        Tensor tensor = Mine(x).Open();
        if (x.Shape.Count == 0) tensor = tensor.reshape(1);
        long longest = 0;
        for (int i = 1; i < x.Shape.Count; i++)
        {
            if (x.Shape[i] > x.Shape[(int)longest]) longest = i;
        }

        Tensor sum = zeros([], ScalarType.Float64, _device);
        EachBlock(tensor, longest, block => sum.add_(block.mul(block).sum()), default);
        return sum.item<double>();
    });

    /// <inheritdoc/>
    public double[] SquaredRowNorms(ITensor x)
    {
        RequireMatrix(x);
        return Run(() =>
        {
            Tensor sums = zeros([x.Shape[0]], ScalarType.Float64, _device);
            EachBlock(Mine(x).Open(), 1, block => sums.add_(block.mul(block).sum(1L)), default);
            return Values(sums);
        });
    }

    /// <inheritdoc/>
    public void ScaleRows(ReadOnlySpan<double> factors, ITensor x)
    {
        RequireMatrix(x);
        if (factors.Length != x.Shape[0]) throw Mismatch($"{factors.Length} factors do not fit the rows of {Text(x)}.");
        double[] copy = factors.ToArray();
        Run(() => { Mine(x).Open().mul_(OnDevice(tensor(copy, ScalarType.Float64)).to(Type(x.ElementType)).unsqueeze(1)); });
    }

    /// <inheritdoc/>
    public ITensor Sum(ITensor x, int dimension)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)dimension, (uint)x.Shape.Count, nameof(dimension));
        return Run(() => Fresh(Mine(x).Open().sum((long)dimension, false, ScalarType.Float64), Type(x.ElementType)));
    }

    // Hands out blocks along one dimension in float64.
    private static void EachBlock(Tensor x, long dimension, Action<Tensor> use, CancellationToken ct)
    {
        long size = x.shape[dimension], step = size == 0 ? 1 : Math.Clamp(BlockElements / Math.Max(1, x.numel() / size), 1, size);
        for (long first = 0; first < size; first += step)
        {
            ct.ThrowIfCancellationRequested();
            using DisposeScope scope = NewDisposeScope();
            use(x.narrow(dimension, first, Math.Min(step, size - first)).to(ScalarType.Float64));
        }
    }
}
