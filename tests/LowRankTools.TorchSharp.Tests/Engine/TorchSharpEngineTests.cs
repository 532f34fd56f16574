using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.RandomNumbers;
using LowRankTools.Numerics.Svd;
using LowRankTools.Numerics.Threading;
using LowRankTools.Numerics.Tests;
using LowRankTools.TorchSharp.Engine;
using TorchSharp;

namespace LowRankTools.TorchSharp.Tests;

/// <summary>TorchSharp on the processor, and what only this engine can get wrong: handles of libtorch.</summary>
[Collection(LibTorch.Name)]
public sealed class TorchSharpEngineTests : EngineConformance
{
    protected override ITensorEngine Engine { get; } = new TorchSharpEngine(LibTorch.Device);

    [Theory]
    [InlineData(300, 200, 10)]
    [InlineData(200, 300, 150)]
    public void A_truncated_svd_leaves_no_tensor_behind(int rows, int columns, int rank)
    {
        using Matrix<float> host = new(rows, columns);
        new DeterministicRandom(1).FillGaussian(host);
        long before = Live();
        using (ITensor a = Engine.Load(host.View))
        {
            Assert.Equal(before + 1, Live());
            TruncatedSvd.Compute(Engine, a, new RankTarget.Rank(rank)).Dispose();
            Assert.Equal(before + 1, Live());
        }

        Assert.Equal(before, Live());
    }

    [Fact]
    public void Every_primitive_leaves_its_results_and_nothing_else()
    {
        long before = Live();
        using (ITensor a = Engine.Random(1, 20, 12), b = Engine.Random(2, 20, 3), c = Engine.Create(ElementType.Float32, 12, 3))
        {
            Engine.MatMul(2, Engine.Transpose(a), b, 1, c);
            Engine.OrthonormalizeRows(Engine.Transpose(c));
            Engine.AddScaled(2, c, 1, c);
            Engine.SumOfSquares(Engine.Slice(a, 3, 9));
            using ITensor gram = Engine.Gram(Engine.Transpose(a)), l = Engine.Cholesky(gram), x = Engine.Solve(a, b), sum = Engine.Sum(a, 1), twice = Engine.Combine(ElementOperation.Add, a, a);
            (ITensor q, ITensor r) = Engine.Qr(a);
            (ITensor u, _, ITensor vt) = Engine.Svd(a);
            (_, ITensor vectors) = Engine.SymmetricEigen(gram);
            using ITensor sums = Engine.SignedSums(a, [.. Enumerable.Repeat(-1f, 20)], 6), part = Engine.SliceAlong(a, 1, 2, 4), wider = Engine.Concatenate(1, a, part), product = Engine.Contract(a, [0], b, [0]);
            Assert.Equal(before + 3 + 5 + 5 + 4, Live());
            foreach (ITensor tensor in new[] { q, r, u, vt, vectors }) tensor.Dispose();
        }

        Assert.Equal(before, Live());
    }

    [Fact]
    public void A_lack_of_memory_is_told_from_other_errors()
    {
        const int side = 1 << 23; // 2^48 bytes, more than an address space holds
        Assert.Equal("DeviceMemoryExhausted", Assert.Throws<LowRankToolsException>(() => Engine.Create(ElementType.Float32, side, side)).ErrorId);
    }

    [Fact]
    public void An_error_leaves_no_tensor_behind()
    {
        using ITensor zero = Engine.Create(ElementType.Float32, 4, 4), b = Engine.Create(ElementType.Float32, 4, 1);
        long before = Live();
        Assert.Throws<LowRankToolsException>(() => Engine.Cholesky(zero));
        Assert.Throws<LowRankToolsException>(() => Engine.Solve(zero, b));
        Assert.Equal(before, Live());
    }

    [Fact]
    public unsafe void Strides_of_a_matrix_do_not_matter()
    {
        using Matrix<float> host = new(30, 40);
        new DeterministicRandom(3).FillGaussian(host);
        MatrixView<float>[] views = [host.View, host.Transposed, host.View.Slice(3, 5, 20, 7), host.View.Slice(3, 5, 20, 7).Transpose(), host.View.Slice(0, 4, 30, 1), host.View.Slice(4, 0, 1, 40).Transpose(), new(host.Pointer, 15, 20, 80, 2)];
        foreach (MatrixView<float> view in views)
        {
            using ITensor loaded = Engine.Load(view);

            // Zeros in whatever memory loading has given back.
            Matrix<float>[] others = [.. Enumerable.Range(0, 64).Select(_ => new Matrix<float>(view.Rows, view.Columns))];
            using Matrix<float> back = Engine.ToMatrix(loaded), expected = view.ToMatrix();
            Assert.Equal((view.Rows, view.Columns), (back.Rows, back.Columns));
            Assert.Equal(expected.ToArray(), back.ToArray());
            Array.ForEach(others, other => other.Dispose());
        }
    }

    [Fact]
    public void A_matrix_is_looked_at_where_it_lies_and_stays_its_owners()
    {
        TorchSharpEngine processor = new("cpu");
        using Matrix<float> host = new(3, 4);
        foreach (MatrixView<float> view in new[] { host.View, host.Transposed })
        {
            using (ITensor loaded = processor.Load(view))
            {
                view[2, 1] = 5;
                Assert.Equal(25, processor.SumOfSquares(loaded));
                view[2, 1] = 0;
            }

            Assert.Equal(0, view[2, 1]);
        }
    }

    [Fact]
    public void Engines_side_by_side_keep_their_numbers_of_threads()
    {
        TorchSharpEngine one = new(LibTorch.Device, new ComputeOptions { ThreadCount = 1 }), three = new(LibTorch.Device, new ComputeOptions { ThreadCount = 3 });
        foreach ((TorchSharpEngine engine, int threads) in new[] { (three, 3), (one, 1), (three, 3) })
        {
            engine.Create(ElementType.Float32, 1).Dispose();
            Assert.Equal(threads, torch.get_num_threads());
        }
    }

    [Fact]
    public void Random_numbers_are_those_of_the_embedded_engine()
    {
        EmbeddedEngine embedded = new();
        using ITensor x = Engine.Random(5, 7, 11), y = embedded.Random(5, 7, 11);
        Assert.Equal(embedded.ToArray(y), Engine.ToArray(x));
    }

    [Fact]
    public void A_foreign_tensor_is_refused()
    {
        using ITensor foreign = new EmbeddedEngine().Create(ElementType.Float32, 2, 2);
        Assert.Equal("ForeignTensor", Assert.Throws<LowRankToolsException>(() => Engine.ToArray(foreign)).ErrorId);
    }

    [Fact]
    public void Several_threads_may_share_one_engine()
    {
        using ITensor a = Engine.Random(6, 60, 90);
        double[] expected = Values();
        Parallel.For(0, 16, _ => Assert.Equal(expected, Values()));

        double[] Values()
        {
            using TruncatedSvdResult svd = TruncatedSvd.Compute(Engine, a, new RankTarget.Rank(5));
            return [.. svd.SingularValues.Select(value => Math.Round(value, 4))];
        }
    }

    private static long Live() => torch.Tensor.TotalCount;
}
