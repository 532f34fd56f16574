using LowRankTools.Core.Adapters;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Models;
using LowRankTools.Core.Storage;
using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Lora;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Kernels.Networks;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Tests.Adapters;

/// <summary>Adapter files out of networks and into them.</summary>
public sealed class NetworkAdapterTests : IDisposable
{
    private const double Single = 1e-6;
    private static readonly INetworkEngine s_engine = new EmbeddedEngine();
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(LoraKeys.Peft, false, false)]
    [InlineData(LoraKeys.Peft, false, true)]
    [InlineData(LoraKeys.Peft, true, false)]
    [InlineData(LoraKeys.Loralib, false, false)]
    public void A_file_merged_into_its_base_is_what_the_layers_compute(LoraKeys keys, bool dora, bool stabilized)
    {
        string baseFile = Base();
        using Sequential network = Network(new LoraOptions(2) { Alpha = 3, Dora = dora, RankStabilized = stabilized });
        Train(network);
        double[] expected = Outputs(network);
        string saved = NetworkAdapter.Save(network, s_engine, Path(keys, "adapter"), keys);
        double alpha = stabilized ? 3 * Math.Sqrt(2) : 3;
        string merged = new MergeAdapter(new MergeAdapterOptions { OutputPath = _folder["merged.safetensors"], Alpha = keys == LoraKeys.Loralib ? alpha : null })
            .Run(TestAdapter.Source(baseFile), TestAdapter.Source(saved)).Path;
        AssertClose(expected, Outputs(Plain(merged)));

        using Sequential other = Network(new LoraOptions(2) { Alpha = 3, Dora = dora, RankStabilized = stabilized });
        LoadReport report = NetworkAdapter.Load(other, s_engine, saved, strict: true);
        Assert.Empty(report.Missing);
        Assert.Empty(report.Unexpected);
        Assert.Equal(expected, Outputs(other));
    }

    [Fact]
    public void A_new_adapter_goes_into_the_layers_and_changes_nothing()
    {
        string baseFile = Base();
        AdapterResult made = new NewAdapter(new NewAdapterOptions { Rank = 2, Alpha = 6, Output = new AdapterOutputOptions { OutputPath = _folder["new"] } }).Run(TestAdapter.Source(baseFile));
        using Sequential network = Network(new LoraOptions(2) { Alpha = 6 });
        double[] before = Outputs(network);
        Assert.Empty(NetworkAdapter.Load(network, s_engine, made.Path, strict: true).Missing);
        Assert.Equal(before, Outputs(network));
        using Adapter adapter = Adapter.Open(TestAdapter.Source(made.Path));
        using Matrix<float> a = adapter.Modules[0].ReadA();
        ILoraLayer first = network.LoraLayers().First();
        Assert.Equal(a.ToArray().Select(v => (double)v), s_engine.ToArray(first.A.Value));
        Assert.Equal(adapter.Modules[0].Scaling, first.Options.Scaling, 12);
    }

    [Fact]
    public void What_is_missing_or_left_over_is_told_or_refused()
    {
        using Sequential network = Network(new LoraOptions(2) { Alpha = 3 });
        string saved = NetworkAdapter.Save(network, s_engine, _folder["adapter"]);
        using Sequential half = Network(new LoraOptions(2) { Alpha = 3 }, "0");
        Assert.Equal(2, NetworkAdapter.Load(half, s_engine, saved).Unexpected.Count);
        Assert.Equal("WeightsDoNotFit", Assert.Throws<LowRankToolsException>(() => NetworkAdapter.Load(half, s_engine, saved, strict: true)).ErrorId);
        string part = NetworkAdapter.Save(half, s_engine, _folder["part"]);
        Assert.Equal(["2.lora_A", "2.lora_B"], NetworkAdapter.Load(network, s_engine, part).Missing);
        Assert.Equal("WeightsDoNotFit", Assert.Throws<LowRankToolsException>(() => NetworkAdapter.Load(network, s_engine, part, strict: true)).ErrorId);
    }

    [Fact]
    public void Another_scale_or_start_is_refused()
    {
        using Sequential network = Network(new LoraOptions(2) { Alpha = 3 }), other = Network(new LoraOptions(2) { Alpha = 4 }), principal = Network(new LoraOptions(2) { Alpha = 3, Start = LoraStart.Pissa });
        string saved = NetworkAdapter.Save(network, s_engine, _folder["adapter"]), started = NetworkAdapter.Save(principal, s_engine, _folder["pissa"]);
        Assert.Equal("AdapterDoesNotFit", Assert.Throws<LowRankToolsException>(() => NetworkAdapter.Load(other, s_engine, saved)).ErrorId);
        Assert.Equal("AdapterDoesNotFit", Assert.Throws<LowRankToolsException>(() => NetworkAdapter.Load(principal, s_engine, saved)).ErrorId);
        Assert.Equal("AdapterDoesNotFit", Assert.Throws<LowRankToolsException>(() => NetworkAdapter.Load(network, s_engine, started)).ErrorId);
        Assert.Empty(NetworkAdapter.Load(principal, s_engine, started, strict: true).Missing);
        Assert.Equal("AdapterUnsupported", Assert.Throws<LowRankToolsException>(() => Adapter.Open(TestAdapter.Source(started))).ErrorId);
    }

    [Fact]
    public void Layers_of_several_ranks_say_theirs()
    {
        using Sequential network = Network(new LoraOptions(2) { Alpha = 3 }, "0");
        network.AddLora(s_engine, new LoraOptions(3) { Alpha = 5, RankStabilized = true }, ["2"]);
        Train(network);
        string saved = NetworkAdapter.Save(network, s_engine, _folder["adapter"]);
        using Adapter adapter = Adapter.Open(TestAdapter.Source(saved));
        Assert.Equal([1.5, 5 / Math.Sqrt(3)], adapter.Modules.Select(m => m.Scaling), (x, y) => Math.Abs(x - y) < 1e-9);
    }

    [Fact]
    public void Path_and_layout_go_together_and_nothing_is_replaced_unasked()
    {
        using Sequential network = Network(new LoraOptions(2));
        Assert.Equal("OptionInvalid", Assert.Throws<LowRankToolsException>(() => NetworkAdapter.Save(network, s_engine, _folder["a.safetensors"])).ErrorId);
        Assert.Equal("OptionInvalid", Assert.Throws<LowRankToolsException>(() => NetworkAdapter.Save(network, s_engine, _folder["a"], LoraKeys.Loralib)).ErrorId);
        NetworkAdapter.Save(network, s_engine, _folder["a"]);
        Assert.Equal("OutputExists", Assert.Throws<LowRankToolsException>(() => NetworkAdapter.Save(network, s_engine, _folder["a"])).ErrorId);
        NetworkAdapter.Save(network, s_engine, _folder["a"], force: true);
        using var plain = new Sequential(new Linear(ParameterFactory.ShapesOnly, 4, 4));
        Assert.Equal("LayerNotFound", Assert.Throws<LowRankToolsException>(() => NetworkAdapter.Save(plain, s_engine, _folder["b"])).ErrorId);
    }

    internal static (string Name, long[] Shape, float[] Values)[] Weights =>
        [TestModel.Random("0.weight", 1, 12, 8), TestModel.Random("0.bias", 2, 12), TestModel.Random("2.weight", 3, 6, 12)];

    internal static Sequential Plain(IEnumerable<(string Name, long[] Shape, float[] Values)> weights)
    {
        Dictionary<string, Parameter> parameters = weights.ToDictionary(w => w.Name, w => new Parameter([.. w.Shape.Select(s => (int)s)]) { Value = s_engine.From(w.Values, [.. w.Shape.Select(s => (int)s)]) }, StringComparer.Ordinal);
        return new Sequential(new Linear(parameters["0.weight"], parameters["0.bias"]), new ActivationLayer(Activation.GeluTanh), new Linear(parameters["2.weight"], null));
    }

    internal static double[] Outputs(Layer network)
    {
        using Pass pass = Pass.Inference(s_engine);
        using ITensor x = s_engine.Random(3, 6, 8), y = network.Forward(pass, x);
        return s_engine.ToArray(y);
    }

    private string Base()
    {
        string path = _folder["base.safetensors"];
        TestModel.Write(path, Weights);
        return path;
    }

    private string Path(LoraKeys keys, string name) => _folder[keys == LoraKeys.Peft ? name : name + ".safetensors"];

    private static Sequential Plain(string path)
    {
        using Model model = Model.Open(TestAdapter.Source(path));
        return Plain([.. model.Layers.Select(l =>
        {
            using Matrix<float> values = WeightMatrix.Read(model.File, l.Tensor, default);
            return (l.Shape.Name, l.Tensor.Shape.ToArray(), values.ToArray());
        })]);
    }

    private static Sequential Network(LoraOptions options, params string[] layers)
    {
        Sequential network = Plain(Weights);
        network.AddLora(s_engine, options, layers.Length > 0 ? layers : null);
        return network;
    }

    private static void Train(Sequential network)
    {
        ulong seed = 40;
        foreach (NamedParameter parameter in network.LoraStateDict())
            parameter.Parameter.Value = s_engine.Random(seed++, [.. parameter.Parameter.Shape]);
    }

    private static void AssertClose(double[] expected, double[] actual)
    {
        double scale = expected.Max(Math.Abs);
        Assert.All(expected.Zip(actual), pair => Assert.InRange(pair.Second, pair.First - (Single * scale), pair.First + (Single * scale)));
    }
}
