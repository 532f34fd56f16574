using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Networks.Surgery;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Kernels.Networks;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Networks.Tests;

/// <summary>Pairs in place of linear layers, and back.</summary>
public sealed class SurgeryTests
{
    private static readonly INetworkEngine s_engine = new EmbeddedEngine();

    [Fact]
    public void The_notebooks_simple_model_shrinks_to_its_count_and_listing()
    {
        using var model = new Sequential(new Linear(ParameterFactory.ShapesOnly, 768, 256), new Linear(ParameterFactory.ShapesOnly, 256, 128));
        model.FactorizeLinear(s_engine, 64, new FactorizeLinearOptions { Bias = PairBias.Both, Initialization = PairInitialization.Random });
        Assert.Equal(90_624, model.CountParameters());
        Assert.Equal(
            """
            Sequential(
              (0): Sequential(
                (0): Linear(in_features=768, out_features=64, bias=True)
                (1): Linear(in_features=64, out_features=256, bias=True)
              )
              (1): Sequential(
                (0): Linear(in_features=256, out_features=64, bias=True)
                (1): Linear(in_features=64, out_features=128, bias=True)
              )
            )
            """.ReplaceLineEndings("\n"),
            model.ToString());
        Assert.Equal("0.0.weight", model.StateDict().First().Name);
    }

    [Fact]
    public void Surgery_reaches_the_deepest_layer()
    {
        Layer inner = new Linear(ParameterFactory.ShapesOnly, 64, 64);
        for (int depth = 0; depth < 6; depth++) inner = depth % 2 == 0 ? new Residual(inner) : new Sequential(inner);
        using var model = new ModuleList<Module>(inner);
        LinearReplacement replaced = Assert.Single(model.FactorizeLinear(s_engine, 8));
        Assert.Equal(StaysDense.No, replaced.Reason);
        Assert.Equal((8 * 128) + 64, model.CountParameters());
    }

    [Fact]
    public void Error_of_the_start_is_the_tail_of_the_spectrum()
    {
        using var model = new Sequential(new Linear(new ParameterFactory(s_engine, 5), 96, 64));
        using Matrix<float> weight = s_engine.ToMatrix(((Linear)model[0]).Weight.Value);
        using TruncatedSvdResult svd = MatrixSvd.Compute(weight.View, new RankTarget.Rank(64));
        LinearReplacement replaced = Assert.Single(model.FactorizeLinear(s_engine, 10));
        double tail = Math.Sqrt(svd.SingularValues.Skip(10).Sum(s => s * s) / svd.SquaredNorm);
        Assert.InRange(replaced.RelativeError!.Value, tail * (1 - 1e-6), tail * 1.002);
        model.MergePairs(s_engine);
        using Matrix<float> merged = s_engine.ToMatrix(((Linear)model[0]).Weight.Value);
        double squared = 0;
        for (int i = 0; i < 64; i++)
        {
            for (int j = 0; j < 96; j++) squared += Math.Pow(weight[i, j] - merged[i, j], 2);
        }

        Assert.Equal(replaced.RelativeError.Value, Math.Sqrt(squared / svd.SquaredNorm), 1e-5);
    }

    [Theory]
    [InlineData(PairBias.Second)]
    [InlineData(PairBias.Both)]
    public void Full_rank_and_back_reproduces_the_outputs(PairBias bias)
    {
        using var model = new Sequential(new Linear(new ParameterFactory(s_engine, 5), 24, 16), new ActivationLayer(Activation.Gelu), new Linear(new ParameterFactory(s_engine, 6), 16, 20, false));
        double[] before = Outputs(model);
        model.FactorizeLinear(s_engine, 16, new FactorizeLinearOptions { Bias = bias, IncludeUnprofitable = true });
        AssertClose(before, Outputs(model));
        Assert.Equal(["0", "2"], model.MergePairs(s_engine));
        AssertClose(before, Outputs(model));
    }

    [Fact]
    public void Plan_names_and_break_even_decide()
    {
        ParameterFactory shapes = ParameterFactory.ShapesOnly;
        using var model = new Sequential(new Linear(shapes, 64, 64), new Linear(shapes, 64, 64), new Linear(shapes, 64, 64), new Linear(shapes, 64, 64));
        IReadOnlyList<LinearReplacement> replaced = model.FactorizeLinear(
            s_engine, name => name == "0" ? null : name == "1" ? 32 : 4, new FactorizeLinearOptions { Exclude = name => name == "3" });
        Assert.Equal([StaysDense.Excluded, StaysDense.BreakEven, StaysDense.No, StaysDense.Excluded], replaced.Select(r => r.Reason));
        Assert.Equal([null, null, 4, null], replaced.Select(r => r.Rank));
    }

    [Fact]
    public void Layers_that_share_a_weight_share_their_factors()
    {
        var factory = new ParameterFactory(s_engine, 1);
        var first = new Linear(factory, 32, 32);
        using var model = new Sequential(first, new Linear(first.Weight), first);
        model.FactorizeLinear(s_engine, 4);
        Assert.Equal((4 * 64) + 32, model.CountParameters());
        Assert.Same(model[0], model[2]);
    }

    [Fact]
    public void A_head_tied_to_a_table_stays_dense()
    {
        using var table = new Embedding(ParameterFactory.ShapesOnly, 256, 64);
        using var head = new Linear(table.Weight);
        using var model = new ModuleList<Module>(table, head);
        Assert.Equal(StaysDense.TiedToDense, Assert.Single(model.FactorizeLinear(s_engine, 4)).Reason);
    }

    [Fact]
    public void A_bad_rank_leaves_the_network_as_it_was()
    {
        using var model = new Sequential(new Linear(new ParameterFactory(s_engine), 8, 8), new Linear(new ParameterFactory(s_engine), 4, 4));
        string before = model.ToString();
        Assert.Equal("RankExceedsLayer", Assert.Throws<LowRankToolsException>(() => model.FactorizeLinear(s_engine, 6, new FactorizeLinearOptions { IncludeUnprofitable = true })).ErrorId);
        Assert.Equal("RankNotPositive", Assert.Throws<LowRankToolsException>(() => model.FactorizeLinear(s_engine, 0)).ErrorId);
        Assert.Equal(before, model.ToString());
        Assert.Equal(8, Outputs(new Sequential(model[0]), 8).Length / 5);
    }

    private static double[] Outputs(Sequential model, int features = 24)
    {
        using Pass pass = Pass.Inference(s_engine);
        using ITensor x = s_engine.Random(3, 5, features), y = model.Forward(pass, x);
        return s_engine.ToArray(y);
    }

    private static void AssertClose(double[] expected, double[] actual)
    {
        double scale = expected.Max(Math.Abs);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 2e-5 * scale));
    }
}
