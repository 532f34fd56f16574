using LowRankTools.Decompositions;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Layers.Factored;
using LowRankTools.Networks.Modules;
using LowRankTools.Networks.Training;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;
using static LowRankTools.Networks.Tests.LoraTestNetworks;

namespace LowRankTools.Networks.Tests;

/// <summary>Layers that contract the modes of activations, and layers whose weight is a decomposed tensor.</summary>
public sealed class TensorRegressionTests
{
    private const double Wide = 1e-14;

    public static TheoryData<string, int[], int[], int[]> Regressions => new()
    {
        { "Cp", [3, 2, 4], [5], [3] },
        { "Cp", [6], [2, 3], [4] },
        { "Tucker", [3, 2, 4], [5], [2, 2, 3, 2] },
        { "Tucker", [3, 4], [2, 3], [2, 4, 2, 1] },
        { "TensorTrain", [3, 2, 4], [5], [3, 4, 2] },
        { "TensorTrain", [6, 2], [2, 3], [4, 3, 2] },
        { "TensorTrain", [5], [4], [3] },
    };

    [Theory]
    [MemberData(nameof(Regressions))]
    public void Every_order_of_a_regression_computes_the_dense_layer(string method, int[] inputs, int[] outputs, int[] ranks)
    {
        using TensorRegressionLayer layer = new(GradientCheck.Factory(), inputs, outputs, method, ranks);
        using Linear dense = layer.ToDense(GradientCheck.Engine);
        foreach (int tokens in (int[])[1, 7, 300])
        {
            using ITensor x = GradientCheck.Tensor(3, tokens, layer.InFeatures);
            using Pass pass = Pass.Inference(GradientCheck.Engine);
            using ITensor expected = dense.Forward(pass, x), found = layer.Forward(pass, x);
            AssertClose(GradientCheck.Engine.ToArray(expected), GradientCheck.Engine.ToArray(found), Wide);
            RegressionPrograms orders = new(method, inputs, outputs, [.. layer.Factors.Select(f => f.Shape.ToArray())]);
            FactorProgram[] all = [.. orders.All(tokens)];
            Assert.True(all.Length > 1);
            foreach (FactorProgram program in all)
            {
                using FactorRun run = program.Run(GradientCheck.Engine, [x, .. layer.Factors.Select(f => f.Value)], default);
                ITensor y = run.Result;
                GradientCheck.Engine.Activate(Activation.None, y, GradientCheck.Engine.View(layer.Bias!.Value, layer.OutFeatures), y);
                AssertClose(GradientCheck.Engine.ToArray(expected), GradientCheck.Engine.ToArray(y), Wide);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Regressions))]
    public void The_weight_of_a_regression_is_its_decomposition(string method, int[] inputs, int[] outputs, int[] ranks)
    {
        using TensorRegressionLayer layer = new(GradientCheck.Factory(), inputs, outputs, method, ranks, bias: false);
        using Decomposition restored = DecompositionMethods.Find(method).Restore([.. inputs, .. outputs], ranks, [.. layer.Factors.Select(f => Tensor.From(GradientCheck.Engine.ToArray(f.Value), [.. f.Shape]))]);
        using Tensor weight = restored.ToDense();
        using Linear dense = layer.ToDense(GradientCheck.Engine);
        double[] found = GradientCheck.Engine.ToArray(dense.Weight.Value);
        double scale = found.Max(Math.Abs);
        for (int i = 0; i < found.Length; i++) Assert.Equal(weight.Values[(i % layer.InFeatures * layer.OutFeatures) + (i / layer.InFeatures)] / scale, found[i] / scale, 1e-13);
        Assert.Equal(restored.Factors.Select(f => $"weight.{f.Name}"), layer.StateDict().Select(p => p.Name));
    }

    [Theory]
    [MemberData(nameof(Regressions))]
    public void Gradients_of_a_regression_are_those_of_differences(string method, int[] inputs, int[] outputs, int[] ranks)
    {
        using TensorRegressionLayer layer = new(GradientCheck.Factory(), inputs, outputs, method, ranks);
        GradientCheck.Run(layer, 3, layer.InFeatures);
        using ITensor x = GradientCheck.Tensor(5, 2, layer.InFeatures);
        GradientCheck.Run(layer, [x], (pass, given) => layer.Forward(pass, given[0], Activation.Gelu), (pass, gradient) => [layer.Backward(pass, gradient, Activation.Gelu)]);
        // The way back through every order gives the same.
        using ITensor dy = GradientCheck.Tensor(6, 2, layer.OutFeatures);
        ITensor[] all = [x, .. layer.Factors.Select(f => f.Value)];
        double[][]? first = null;
        foreach (FactorProgram program in new RegressionPrograms(method, inputs, outputs, [.. layer.Factors.Select(f => f.Shape.ToArray())]).All(2))
        {
            using FactorRun run = program.Run(GradientCheck.Engine, all, default), gradients = program.Back(GradientCheck.Engine, run, dy, default);
            double[][] found = [.. gradients.Tensors.Take(all.Length).Select(GradientCheck.Engine.ToArray)];
            first ??= found;
            for (int k = 0; k < found.Length; k++) AssertClose(first[k], found[k], 1e-13);
        }
    }

    [Theory]
    [InlineData(new[] { 3, 4, 2 }, new[] { 2, 2, 3 })]
    [InlineData(new[] { 3, 4 }, new[] { 5, 1 })]
    [InlineData(new[] { 6 }, new[] { 4 })]
    public void A_contraction_is_the_layer_of_the_Kronecker_product(int[] inputs, int[] outputs)
    {
        using TensorContractionLayer layer = new(GradientCheck.Factory(), inputs, outputs);
        using Linear dense = layer.ToDense(GradientCheck.Engine);
        double[] weight = GradientCheck.Engine.ToArray(dense.Weight.Value);
        double[][] factors = [.. layer.Factors.Select(f => GradientCheck.Engine.ToArray(f.Value))];
        for (int o = 0; o < layer.OutFeatures; o++)
        {
            for (int i = 0; i < layer.InFeatures; i++)
            {
                double product = 1;
                for (int k = inputs.Length - 1, row = o, column = i; k >= 0; row /= outputs[k], column /= inputs[k], k--) product *= factors[k][(row % outputs[k] * inputs[k]) + (column % inputs[k])];
                Assert.Equal(product, weight[(o * layer.InFeatures) + i], 1e-14);
            }
        }

        foreach (int tokens in (int[])[1, 200])
        {
            using ITensor x = GradientCheck.Tensor(3, tokens, layer.InFeatures);
            using Pass pass = Pass.Inference(GradientCheck.Engine);
            using ITensor expected = dense.Forward(pass, x), found = layer.Forward(pass, x);
            AssertClose(GradientCheck.Engine.ToArray(expected), GradientCheck.Engine.ToArray(found), Wide);
        }

        GradientCheck.Run(layer, 3, layer.InFeatures);
        Assert.Equal([.. inputs.Select((_, k) => $"factor_{k}"), "bias"], layer.StateDict().Select(p => p.Name));
    }

    [Fact]
    public void From_dense_finds_the_layer_that_is_there()
    {
        using TensorContractionLayer planted = new(new ParameterFactory(Engine, 8), [4, 6], [3, 5]);
        using Linear kronecker = planted.ToDense(Engine);
        (TensorContractionLayer found, double error) = TensorContractionLayer.FromDense(Engine, kronecker, [4, 6], [3, 5]);
        using Linear again = found.ToDense(Engine);
        AssertClose(Values(kronecker.Weight), Values(again.Weight), 1e-6);
        Assert.InRange(error, 0, 1e-6);
        foreach ((string method, int[] ranks) in new (string, int[])[] { ("Cp", [3]), ("Tucker", [2, 3, 2]), ("TensorTrain", [2, 3]) })
        {
            using TensorRegressionLayer regression = new(new ParameterFactory(Engine, 9), [5, 6], [7], method, ranks);
            using Linear dense = regression.ToDense(Engine);
            (TensorRegressionLayer near, double lost) = TensorRegressionLayer.FromDense(Engine, dense, [5, 6], [7], method, new DecompositionOptions { Ranks = ranks, Starts = method == "Cp" ? 4 : 1, MaxIterations = 2000, Rest = 1e-12 });
            using (near)
            using (Linear back = near.ToDense(Engine))
                AssertClose(Values(dense.Weight), Values(back.Weight), 1e-4);
            Assert.InRange(lost, 0, 1e-4);
            Assert.Equal(ranks, near.Ranks);
        }
    }

    // Images of two modes of 8 x 6 whose class is which of four places of a low-rank template is brightest: the layers learn it from examples.
    [Fact]
    public void A_contraction_and_a_regression_learn_a_small_task()
    {
        const int Count = 64, Classes = 4;
        ParameterFactory factory = new(Engine, 3);
        using Sequential network = new(
            new TensorContractionLayer(factory, [8, 6], [5, 4]),
            new ActivationLayer(Activation.Tanh),
            new TensorRegressionLayer(factory, [5, 4], [Classes], "Tucker", [3, 3, 3]));
        double[] noise = GradientCheck.Random(4, Count * 48);
        int[] targets = [.. Enumerable.Range(0, Count).Select(i => i % Classes)];
        float[] images = [.. noise.Select((value, i) => (float)((0.3 * value) + (i % 48 / 6 / 2 == targets[i / 48] ? Math.Cos(i % 6) : 0)))];
        using ITensor x = Engine.FromDoubles([.. images.Select(v => (double)v)], Count, 48), single = Engine.Copy(x, ElementType.Float32);
        using var adam = new Adam(new AdamSettings(1e-2));
        double first = 0, last = 0;
        for (int step = 0; step < 200; step++)
        {
            using Pass pass = Pass.Training(Engine, (ulong)step);
            (last, ITensor? gradient) = CrossEntropyLoss.Compute(pass, network.Forward(pass, single), targets);
            if (step == 0) first = last;
            network.Backward(pass, gradient!).Dispose();
            adam.Step(Engine, network);
        }

        Assert.InRange(first, 1, 3);
        Assert.InRange(last, 0, 0.05);
    }

    [Fact]
    public void Shapes_that_make_no_layer_are_refused()
    {
        ParameterFactory none = ParameterFactory.ShapesOnly;
        Assert.Equal("ShapesDoNotMatch", Id(() => new TensorContractionLayer(none, [3, 4], [2])));
        Assert.Equal("ShapesDoNotMatch", Id(() => new TensorContractionLayer(none, [3, 0], [2, 2])));
        Assert.Equal("ShapesDoNotMatch", Id(() => new TensorContractionLayer(none, [65536, 65536], [2, 2])));
        Assert.Equal("ShapesDoNotMatch", Id(() => new TensorContractionLayer([new Parameter(2, 3)], new Parameter(3))));
        Assert.Equal("ShapesDoNotMatch", Id(() => new TensorRegressionLayer(none, [3, 4], [2], "Tucker", [4, 4, 2])));
        Assert.Equal("ShapesDoNotMatch", Id(() => new TensorRegressionLayer(none, [3, 4], [], "Cp", [2])));
        Assert.Equal("ShapesDoNotMatch", Id(() => new TensorRegressionLayer("Cp", [3], [2], [1], [new Parameter(1)], null)));
        Assert.Equal("OptionInvalid", Id(() => new TensorRegressionLayer(none, [3, 4], [2], "Rescal", [2])));
        using Linear dense = new(new ParameterFactory(Engine, 1), 12, 4);
        Assert.Equal("ShapesDoNotMatch", Id(() => TensorRegressionLayer.FromDense(Engine, dense, [3, 5], [4], "Cp", new DecompositionOptions { Ranks = [1] })));
        Assert.Equal("ShapesDoNotMatch", Id(() => TensorContractionLayer.FromDense(Engine, dense, [3, 4], [3, 2])));

        static string Id(Func<object> make) => Assert.Throws<LowRankToolsException>(make).ErrorId;
    }
}
