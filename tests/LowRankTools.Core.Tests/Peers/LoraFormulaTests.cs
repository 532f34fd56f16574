using System.Globalization;
using System.Runtime.CompilerServices;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Tests.Adapters;
using LowRankTools.Formats.Tests.Peers;
using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Lora;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;

namespace LowRankTools.Core.Tests.Peers;

/// <summary>Adapters written here and run by the formulas in PyTorch, and written there and run here.</summary>
public sealed class LoraFormulaTests : IDisposable
{
    // Sums of at most 36 products in float32 against float64.
    private const double Single = 2e-6;

    private static readonly INetworkEngine s_engine = new EmbeddedEngine();
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [PythonFact("torch")]
    public void What_is_saved_here_gives_the_same_numbers_there()
    {
        LoraOptions plain = new(2) { Alpha = 3 };
        foreach ((string name, LoraOptions options) in new[] { ("peft-plain", plain), ("peft-stabilized", plain with { RankStabilized = true }), ("peft-dora", plain with { Dora = true }) })
        {
            using Sequential network = NetworkAdapterTests.Plain(NetworkAdapterTests.Weights);
            network.AddLora(s_engine, options);
            Randomize(network);
            using ITensor x = s_engine.Random(3, 6, 8);
            NetworkAdapter.Save(network, s_engine, _folder[name]);
            TestModel.Write(_folder[name + "/case.safetensors"], [.. NetworkAdapterTests.Weights, Tensor("x", x), Tensor("y", Output(network, x))]);
        }

        ParameterFactory factory = new(s_engine, 7);
        using ITensor rows = s_engine.Random(4, 6, 8), pixels = s_engine.Random(5, 25, 4), ids = s_engine.From([3, 0, 3, 1], 4);
        Loralib("lib-merged", new LoraMergedLinear(factory, 8, 9, plain with { EnabledGroups = [true, false, true] }, bias: false), rows, layer => Output((Layer)layer, rows));
        Loralib("lib-embedding", new LoraEmbedding(factory, 5, 4, plain), ids, layer =>
        {
            using Pass pass = Pass.Inference(s_engine);
            return ((LoraEmbedding)layer).Forward(pass, [3, 0, 3, 1]);
        });
        Loralib("lib-convolution", new LoraConv2d(factory, 4, 6, 3, plain, new ConvolutionOptions { Padding = (1, 1), Bias = false }), pixels, layer =>
        {
            using Pass pass = Pass.Inference(s_engine);
            LoraConv2d convolution = (LoraConv2d)layer;
            return convolution.Forward(pass, pixels, convolution.Shape(5, 5));
        });
        Assert.InRange(double.Parse(PythonPeer.Run(Script(), "read", _folder.Path), CultureInfo.InvariantCulture), 0, Single);
    }

    [PythonFact("torch")]
    public void What_is_saved_there_gives_the_same_numbers_here()
    {
        PythonPeer.Run(Script(), "write", _folder.Path);
        LoraOptions plain = new(2) { Alpha = 3 };
        foreach ((string name, LoraOptions options) in new[] { ("plain", plain), ("stabilized", plain with { RankStabilized = true }), ("dora", plain with { Dora = true }) })
        {
            Dictionary<string, (long[] Shape, float[] Values)> all = TestModel.Read(_folder[name + "/case.safetensors"]);
            using Sequential network = NetworkAdapterTests.Plain(all.Where(t => t.Key.Length > 1).Select(t => (t.Key, t.Value.Shape, t.Value.Values)));
            network.AddLora(s_engine, options);
            LoadReport report = NetworkAdapter.Load(network, s_engine, _folder[name], strict: true);
            Assert.Empty(report.Unexpected);
            using ITensor x = s_engine.From(all["x"].Values, 6, 8), y = Output(network, x);
            double scale = all["y"].Values.Max(Math.Abs);
            Assert.All(all["y"].Values.Zip(s_engine.ToArray(y)), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, Single * scale));
        }
    }

    private void Loralib(string name, Module layer, ITensor x, Func<Module, ITensor> run)
    {
        using ModuleList<Module> network = new(layer);
        Randomize(network);
        NetworkAdapter.Save(network, s_engine, _folder[name + "/adapter.safetensors"], LoraKeys.Loralib);
        ILoraLayer lora = network.LoraLayers().Single();
        using ITensor y = run(layer);
        TestModel.Write(_folder[name + "/case.safetensors"], Tensor("w", lora.Weight.Value), Tensor("x", x), Tensor("y", y), ("scale", [1], [(float)lora.Options.Scaling]));
    }

    private static void Randomize(Module network)
    {
        ulong seed = 40;
        foreach (NamedParameter parameter in network.LoraStateDict())
            parameter.Parameter.Value = s_engine.Random(seed++, [.. parameter.Parameter.Shape]);
    }

    private static ITensor Output(Layer layer, ITensor x)
    {
        using Pass pass = Pass.Inference(s_engine);
        return layer.Forward(pass, x);
    }

    private static (string, long[], float[]) Tensor(string name, ITensor tensor) => (name, [.. tensor.Shape.ToArray().Select(s => (long)s)], [.. s_engine.ToArray(tensor).Select(v => (float)v)]);

    private static string Script([CallerFilePath] string here = "") => File.ReadAllText(Path.Combine(Path.GetDirectoryName(here)!, "lora_formulas.py"));
}
