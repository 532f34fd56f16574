using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Networks.Tests;

/// <summary>State dicts in and out.</summary>
public sealed class LoadingTests
{
    private static readonly INetworkEngine s_engine = new EmbeddedEngine();

    [Fact]
    public void A_network_of_shapes_loads_what_another_has()
    {
        using var source = Model(new ParameterFactory(s_engine, 5));
        using var target = Model(ParameterFactory.ShapesOnly);
        LoadReport report = target.Load(s_engine, new Weights(source));
        Assert.Empty(report.Missing);
        Assert.Empty(report.Unexpected);
        using Pass pass = Pass.Inference(s_engine);
        using ITensor x = s_engine.Random(1, 4, 6), y = source.Forward(pass, x), z = target.Forward(pass, x);
        Assert.Equal(s_engine.ToArray(y), s_engine.ToArray(z));
    }

    [Fact]
    public void A_tied_parameter_loads_under_any_of_its_names()
    {
        var table = new Embedding(ParameterFactory.ShapesOnly, 5, 4);
        using var model = new ModuleList<Module>(table, new Linear(table.Weight));
        using var source = new ModuleList<Module>(new Dropout(0), new Linear(new ParameterFactory(s_engine), 4, 5, bias: false));
        Assert.Empty(model.Load(s_engine, new Weights(source)).Missing);
        Assert.True(table.Weight.IsLoaded);
    }

    [Fact]
    public void What_does_not_fit_is_an_error_before_anything_is_read()
    {
        using var source = Model(new ParameterFactory(s_engine, 5));
        using var longer = new Sequential(new Linear(ParameterFactory.ShapesOnly, 6, 8), new LayerNorm(ParameterFactory.ShapesOnly, 8), new Linear(ParameterFactory.ShapesOnly, 8, 2));
        Assert.Equal("WeightsDoNotFit", Assert.Throws<LowRankToolsException>(() => longer.Load(s_engine, new Weights(source))).ErrorId);
        Assert.DoesNotContain(longer.Parameters(), p => p.IsLoaded);
        Assert.Equal(["2.weight", "2.bias"], longer.Load(s_engine, new Weights(source), strict: false).Missing);
        using var wider = Model(ParameterFactory.ShapesOnly, 7);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => wider.Load(s_engine, new Weights(source), strict: false)).ErrorId);
    }

    private static Sequential Model(ParameterFactory factory, int features = 6) => new(new Linear(factory, features, 8), new LayerNorm(factory, 8));

    private sealed class Weights(Module module) : IWeightSource
    {
        public IEnumerable<string> Names => module.StateDict().Select(p => p.Name);

        public IReadOnlyList<int>? ShapeOf(string name) => Find(name)?.Shape;

        public Matrix<float> Read(string name, CancellationToken ct) => s_engine.ToMatrix(Find(name)!.Value);

        private Parameter? Find(string name) => module.StateDict().FirstOrDefault(p => p.Name == name)?.Parameter;
    }
}
