using LowRankTools.Numerics.Engines;
using TorchSharp;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Engine;

/// <content>Products, sums and what works entry by entry.</content>
public sealed partial class TorchSharpEngine
{
    // Entries that are widened to float64 at a time: 64 MB on a device, and what a processor's cache holds, for fresh memory costs more than sums.
    private const long DeviceElements = 1 << 23, ProcessorElements = 1 << 18;

    // Thinner blocks would be read with most of each row left out.
    private const long LeastStep = 64;

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
            EachBlock(Mine(a).Open(), 1, block => gram.addmm_(block, block.t(), beta: 1, alpha: 1), ct);
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
            // Laid out as A is. Round after round of one row a sum, without a product in between; the last round may be short.
            Tensor rows = Mine(a).Open(), signed = OnDevice(tensor(copy, ScalarType.Float32)).unsqueeze(1);
            Tensor sums = rows.stride()[0] == 1 ? zeros([a.Shape[1], count], ScalarType.Float32, _device).t() : zeros([count, a.Shape[1]], ScalarType.Float32, _device);
            for (long first = 0; first < copy.Length; first += count)
            {
                ct.ThrowIfCancellationRequested();
                using DisposeScope scope = NewDisposeScope();
                long some = Math.Min(count, copy.Length - first);
                sums.narrow(0, 0, some).addcmul_(rows.narrow(0, first, some), signed.narrow(0, first, some), 1);
            }

            return TorchTensor.Own(sums).Transposed(move: true);
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
        Tensor tensor = Mine(x).OpenFlat() ?? Mine(x).Open();
        int longest = Array.IndexOf(tensor.shape, tensor.shape.Max());
        Tensor sum = zeros([], ScalarType.Float64, _device);
        EachBlock(tensor, longest, block => sum.add_(block.reshape(-1).dot(block.reshape(-1))), default);
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

    private long BlockElements => _device.type == DeviceType.CPU ? ProcessorElements : DeviceElements;

    // Hands out blocks along one dimension in float64.
    private void EachBlock(Tensor x, long dimension, Action<Tensor> use, CancellationToken ct)
    {
        long size = x.shape[dimension], step = size == 0 ? 1 : Math.Clamp(BlockElements / Math.Max(1, x.numel() / size), Math.Min(LeastStep, size), size);
        for (long first = 0; first < size; first += step)
        {
            ct.ThrowIfCancellationRequested();
            using DisposeScope scope = NewDisposeScope();
            use(x.narrow(dimension, first, Math.Min(step, size - first)).to(ScalarType.Float64));
        }
    }
}
