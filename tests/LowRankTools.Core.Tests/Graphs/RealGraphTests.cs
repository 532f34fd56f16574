using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Peers;
using Microsoft.ML.OnnxRuntime;

namespace LowRankTools.Core.Tests.Graphs;

/// <summary>Published graphs with pairs or cores in them, run by ONNX Runtime beside the same graphs with their products as weights.</summary>
public sealed class RealGraphTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [RealModelFact(RealModels.OcrRecognizer)]
    public void A_graph_with_pairs_answers_as_one_with_their_products() => Agree(null);

    [RealModelFact(RealModels.OcrRecognizer)]
    public void A_graph_with_cores_answers_as_one_with_their_products() => Agree(FactorMethod.TensorTrain);

    private void Agree(FactorMethod? method)
    {
        ModelSource source = new(RealModels.Path(RealModels.OcrRecognizer), "model");
        FactorizationResult result = new FactorizeModel(new FactorizeOptions { Rule = new RankRule.KeepRatio(0.5), Method = method, OutputPath = _folder["out"] }).Run(source);
        Assert.True(result.FactorizedLayers > 0);
        Assert.True(new FileInfo(result.Path).Length < new FileInfo(source.Path).Length);

        string merged = new MergeModel(new MergeOptions { OutputPath = _folder["merged"] }).Run(new ModelSource(result.Path, "model")).Path;
        using TensorFile weights = TensorFiles.Open(merged);
        using SessionOptions options = new();
        List<OrtValue> products = [];
        foreach (LayerFactorization layer in result.Layers.Where(l => l.Rank is not null))
        {
            TensorInfo tensor = weights.Tensors.Single(t => t.Name == layer.Name);
            float[] values = new float[tensor.ElementCount];
            weights.ReadSingles(tensor, 0, values);
            products.Add(OrtValue.CreateTensorValueFromMemory(values, [.. tensor.Shape]));
            options.AddInitializer(layer.Name, products[^1]);
        }
        float[] pairs = Run(result.Path, new SessionOptions()), dense = Run(source.Path, options), original = Run(source.Path, new SessionOptions());
        double scale = dense.Max(Math.Abs);
        for (int i = 0; i < dense.Length; i++)
            Assert.Equal(dense[i], pairs[i], 1e-4 * scale);
        Assert.True(original.Zip(dense).Max(p => Math.Abs(p.First - p.Second)) > 1e-3 * scale, "the products were not used: the comparison shows nothing");
        products.ForEach(p => p.Dispose());
    }

    private static float[] Run(string path, SessionOptions options)
    {
        const int Height = 48, Width = 160;
        Random random = new(1);
        float[] values = [.. Enumerable.Range(0, 3 * Height * Width).Select(_ => random.NextSingle() - 0.5f)];
        using InferenceSession session = new(path, options);
        using OrtValue value = OrtValue.CreateTensorValueFromMemory(values, [1, 3, Height, Width]);
        using RunOptions run = new();
        using IDisposableReadOnlyCollection<OrtValue> answers = session.Run(run, ["x"], [value], [session.OutputMetadata.Keys.First()]);
        options.Dispose();
        return answers[0].GetTensorDataAsSpan<float>().ToArray();
    }
}
