using LowRankTools.Decompositions;
using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Layers.Factored;
using LowRankTools.Networks.Layers.TensorTrain;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;
using static LowRankTools.Networks.Tests.LoraTestNetworks;

namespace LowRankTools.Networks.Tests;

/// <summary>Layers whose weight is a TT-matrix.</summary>
public sealed class TensorTrainTests
{
    private const double Wide = 2.3e-16;

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(500)]
    public void Every_order_computes_the_dense_layer_and_the_cheapest_is_taken(int tokens)
    {
        using TensorTrainLinear layer = Layer([2, 3, 2], [3, 2, 2], [1, 3, 2, 1]);
        using Linear dense = layer.ToDense(Engine);
        using ITensor x = GradientCheck.Tensor(3, tokens, 12);
        using Pass pass = Pass.Inference(Engine);
        using ITensor expected = dense.Forward(pass, x), found = layer.Forward(pass, x);
        AssertClose(Engine.ToArray(expected), Engine.ToArray(found), Wide);
        int[][] shapes = [.. layer.Cores.Select(c => c.Shape.ToArray())];
        TensorTrainOrder[] orders = [.. TensorTrainOrder.All(shapes, tokens)];
        // Four ways to join three cores, each but the whole from either side.
        Assert.Equal(7, orders.Select(o => o.Text).Distinct().Count());
        foreach (TensorTrainOrder order in orders)
        {
            using FactorRun run = order.Program.Run(Engine, [x, .. layer.Cores.Select(c => c.Value)], default);
            ITensor y = run.Result;
            Engine.Activate(Activation.None, y, layer.Bias!.Value, y);
            AssertClose(Engine.ToArray(expected), Engine.ToArray(y), Wide);
            Assert.True(layer.Order(tokens).Cost <= order.Cost);
        }
    }

    [Theory]
    [InlineData(new[] { 2, 3 }, new[] { 3, 2 }, new[] { 1, 4, 1 }, 5)]
    [InlineData(new[] { 2, 3, 2 }, new[] { 3, 2, 2 }, new[] { 1, 3, 2, 1 }, 4)]
    [InlineData(new[] { 6 }, new[] { 5 }, new[] { 1, 1 }, 3)]
    public void Gradients_of_the_cores(int[] rows, int[] columns, int[] ranks, int tokens)
    {
        using TensorTrainLinear layer = Layer(rows, columns, ranks);
        GradientCheck.Run(layer, tokens, layer.InFeatures);
        using ITensor x = GradientCheck.Tensor(3, tokens, layer.InFeatures);
        GradientCheck.Run(layer, [x], (pass, inputs) => layer.Forward(pass, inputs[0], Activation.Gelu), (pass, gradient) => [layer.Backward(pass, gradient, Activation.Gelu)]);
    }

    [Fact]
    public void Gradients_of_every_order()
    {
        using TensorTrainLinear layer = Layer([2, 3, 2], [3, 2, 2], [1, 3, 2, 1]);
        using ITensor x = GradientCheck.Tensor(3, 4, 12), dy = GradientCheck.Tensor(5, 4, 12);
        ITensor[] inputs = [x, .. layer.Cores.Select(c => c.Value)];
        double[][]? first = null;
        foreach (TensorTrainOrder order in TensorTrainOrder.All([.. layer.Cores.Select(c => c.Shape.ToArray())], 4))
        {
            using FactorRun run = order.Program.Run(Engine, inputs, default), gradients = order.Program.Back(Engine, run, dy, default);
            double[][] found = [.. gradients.Tensors.Take(inputs.Length).Select(Engine.ToArray)];
            first ??= found;
            for (int k = 0; k < found.Length; k++) AssertClose(first[k], found[k], Wide);
        }
    }

    [Theory]
    [InlineData(3)]
    [InlineData(2000)]
    public void An_embedding_looks_up_rows_of_its_table_and_its_gradients_are_right(int tokens)
    {
        ParameterFactory factory = GradientCheck.Factory();
        using var table = new TensorTrainEmbedding([factory.Normal(1, 1, 40, 2, 3), factory.Normal(1, 3, 30, 2, 1)]);
        Assert.Equal((1200, 4), (table.Entries, table.Features));
        Assert.Equal(tokens == 3, table.Cut(tokens) > 0);
        int[] ids = [.. Enumerable.Range(0, tokens).Select(i => i * 7 % 1200)];
        using Embedding dense = table.ToDense(Engine);
        using Pass pass = Pass.Training(Engine);
        using ITensor expected = dense.Forward(pass, ids), found = table.Forward(pass, ids), gradient = GradientCheck.Tensor(4, tokens, 4);
        AssertClose(Engine.ToArray(expected), Engine.ToArray(found), Wide);
        // The loss is linear in every core: its gradient times the core is the loss, whatever the way it was computed.
        double loss = Engine.ToArray(found).Zip(Engine.ToArray(gradient), (a, b) => a * b).Sum();
        table.Backward(pass, Engine.Copy(gradient, ElementType.Float64));
        foreach (Parameter core in table.Cores)
            Assert.Equal(loss, Engine.ToArray(core.Value).Zip(Engine.ToArray(core.Gradient!), (a, b) => a * b).Sum(), 1e-9 * (1 + Math.Abs(loss)));
        Assert.Equal("IndexOutOfRange", Assert.Throws<LowRankToolsException>(() => table.Forward(pass, [1200])).ErrorId);
        Assert.Equal("IndexOutOfRange", Assert.Throws<LowRankToolsException>(() => table.Forward(pass, [-1])).ErrorId);
    }

    [Fact]
    public void Embedding_gradients_by_differences()
    {
        ParameterFactory factory = GradientCheck.Factory();
        using var small = new TensorTrainEmbedding([factory.Normal(1, 1, 3, 2, 3), factory.Normal(1, 3, 2, 2, 1)]);
        int[] ids = [3, 0, 3, 1];
        GradientCheck.Run(small, [], (pass, _) => small.Forward(pass, ids), (pass, gradient) =>
        {
            small.Backward(pass, gradient);
            return [];
        });
    }

    [Fact]
    public void From_dense_keeps_the_tolerance_and_names_are_those_of_files()
    {
        using var dense = new Linear(new ParameterFactory(Engine, 5), 48, 36);
        (TensorTrainLinear exact, double none) = TensorTrainLinear.FromDense(Engine, dense, new DecompositionOptions { Tolerance = 1e-6 });
        (TensorTrainLinear near, double error) = TensorTrainLinear.FromDense(Engine, dense, new DecompositionOptions { Ranks = [8] });
        using (exact)
        using (near)
        {
            AssertClose(Outputs(dense, 48), Outputs(exact, 48), 1e-6);
            Assert.InRange(none, 0, 1e-6);
            Assert.InRange(error, 0.1, 1);
            Assert.Equal(["weight.core0", "weight.core1", "bias"], near.StateDict().Select(p => p.Name));
            using Linear again = near.ToDense(Engine);
            double[] w = Values(dense.Weight), v = Values(again.Weight);
            Assert.Equal(error, Math.Sqrt(w.Zip(v, (a, b) => (a - b) * (a - b)).Sum() / w.Sum(a => a * a)), 1e-5);
        }

        using var table = new Embedding(new ParameterFactory(Engine, 5), 60, 24);
        (TensorTrainEmbedding rows, double lost) = TensorTrainEmbedding.FromDense(Engine, table, new DecompositionOptions { Tolerance = 1e-6 });
        using (rows)
        using (Pass pass = Pass.Inference(Engine))
        using (ITensor expected = table.Forward(pass, [5, 59, 0]), found = rows.Forward(pass, [5, 59, 0]))
            AssertClose(Engine.ToArray(expected), Engine.ToArray(found), 1e-6);
        Assert.InRange(lost, 0, 1e-6);
    }

    [Fact]
    public void Cores_that_make_no_matrix_are_refused()
    {
        Assert.Equal("ShapesDoNotMatch", Id(new Parameter(1, 2, 3, 4), new Parameter(3, 2, 3, 1)));
        Assert.Equal("ShapesDoNotMatch", Id(new Parameter(2, 2, 3, 1)));
        Assert.Equal("ShapesDoNotMatch", Id(new Parameter(1, 2, 1)));
        Assert.Equal("ShapesDoNotMatch", Id());

        static string Id(params Parameter[] cores) => Assert.Throws<LowRankToolsException>(() => new TensorTrainLinear(cores, null)).ErrorId;
    }

    private static TensorTrainLinear Layer(int[] rows, int[] columns, int[] ranks)
    {
        ParameterFactory factory = GradientCheck.Factory();
        Parameter[] cores = [.. rows.Select((m, k) => factory.Normal(1, ranks[k], m, columns[k], ranks[k + 1]))];
        return new TensorTrainLinear(cores, factory.Normal(1, rows.Aggregate(1, (n, m) => n * m)));
    }
}
