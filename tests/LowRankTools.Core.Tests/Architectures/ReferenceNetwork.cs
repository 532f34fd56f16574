using System.Runtime.CompilerServices;
using LowRankTools.Formats.Tests.Peers;
using LowRankTools.Networks.Architectures;

namespace LowRankTools.Core.Tests.Architectures;

/// <summary>A small network written in PyTorch beside this file: it writes model folders and says what a model computes.</summary>
internal sealed class ReferenceNetwork(string name, string folder)
{
    private readonly string _script = Text("common.py") + Text(name + ".py") + "\nmain()\n";

    /// <summary>Writes inputs, and two folders with config.json and the same weights.</summary>
    /// <returns>The weight files.</returns>
    public (string Safetensors, string PyTorch) Make()
    {
        PythonPeer.Run(_script, "make", folder);
        return (Path.Combine(folder, "safetensors", "model.safetensors"), Path.Combine(folder, "pt", "pytorch_model.bin"));
    }

    /// <summary>What PyTorch computes with each of the weight files.</summary>
    public IReadOnlyList<Dictionary<string, (long[] Shape, float[] Values)>> Outputs(params string[] weights)
    {
        PythonPeer.Run(_script, ["run", folder, .. weights]);
        return [.. weights.Select((_, i) => TestModel.Read(Path.Combine(folder, $"output-{i}.st")))];
    }

    /// <summary>Collects what the layers are fed with the script that the module ships.</summary>
    public void Grams(string weights, string output) => PythonPeer.Run(_script, "grams", folder, weights, output, Collector());

    /// <summary>The inputs as our networks take them.</summary>
    public NetworkBatch Inputs(TransformerConfig config)
    {
        Dictionary<string, (long[] Shape, float[] Values)> inputs = TestModel.Read(Path.Combine(folder, "inputs.st"));
        bool[]? mask = inputs.TryGetValue("mask", out (long[] Shape, float[] Values) marks) ? [.. marks.Values.Select(v => v != 0)] : null;
        return config switch
        {
            VitConfig vit => new ImageBatch(inputs["image"].Values, (int)inputs["image"].Shape[0], vit.Patches),
            EncoderDecoderConfig => new PairBatch(Tokens("source", mask), Tokens("target", null)),
            _ => Tokens("tokens", mask),
        };

        TokenBatch Tokens(string key, bool[]? marked) => new(Ints(key)!, (int)inputs[key].Shape[0]) { Mask = marked, Segments = Ints("segments") };

        int[]? Ints(string key) => inputs.TryGetValue(key, out (long[] Shape, float[] Values) tensor) ? [.. tensor.Values.Select(v => (int)v)] : null;
    }

    private static string Text(string file, [CallerFilePath] string here = "") =>
        File.ReadAllText(Path.Combine(Path.GetDirectoryName(here)!, "Reference", file));

    private static string Collector([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "..", "module", "python"));
}
