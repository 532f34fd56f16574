using LowRankTools.Core.Architectures;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Resizing;
using LowRankTools.Formats;
using LowRankTools.Formats.Tests.Peers;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Tests.Architectures;

/// <summary>
/// Every architecture computes what PyTorch computes on the same weights and inputs, dense and as the pairs that a
/// factorization writes, from both formats.
/// </summary>
public sealed class PyTorchAgreementTests : IDisposable
{
    private const double Tolerance = 1e-4;
    private const int Rank = 6;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [PythonTheory("torch")]
    [InlineData("bert")]
    [InlineData("gpt2")]
    [InlineData("llama")]
    [InlineData("vit")]
    [InlineData("xtransformer")]
    public void Outputs_equal_those_of_PyTorch_dense_and_factorized(string architecture)
    {
        ReferenceNetwork reference = new(architecture, _folder["made"]);
        Directory.CreateDirectory(_folder["made"]);
        (string safetensors, string pyTorch) = reference.Make();
        FactorizationResult first = Factorize(safetensors, ModelFormat.Safetensors, new LayerSelection());
        FactorizationResult second = Factorize(pyTorch, ModelFormat.PyTorch, new LayerSelection());
        Assert.True(first.FactorizedLayers >= 8);

        IReadOnlyList<Dictionary<string, (long[] Shape, float[] Values)>> expected = reference.Outputs(safetensors, pyTorch, first.Path, second.Path);
        Compare(reference, safetensors, expected[0], pairs: 0, first.ParametersBefore);
        Compare(reference, pyTorch, expected[1], pairs: 0, second.ParametersBefore);
        Compare(reference, first.Path, expected[2], first.FactorizedLayers, first.Parameters);
        Compare(reference, second.Path, expected[3], second.FactorizedLayers, second.Parameters);
    }

    [PythonFact("torch")]
    public void An_embedding_that_became_a_pair_scores_tokens_too()
    {
        ReferenceNetwork reference = new("gpt2", _folder["made"]);
        Directory.CreateDirectory(_folder["made"]);
        string path = reference.Make().Safetensors;
        // The published GPT-2 stores no head at all: it is the embedding.
        TestModel.Write(path, [.. TestModel.Read(path).Select(t => (t.Key, t.Value.Shape, t.Value.Values))]);
        FactorizationResult small = Factorize(path, ModelFormat.Safetensors, new LayerSelection { IncludeEmbedding = true });
        Assert.Equal(10, small.FactorizedLayers); // the eight maps, tokens and positions
        Compare(reference, small.Path, reference.Outputs(small.Path)[0], 10, small.Parameters);
    }

    [PythonFact("torch")]
    public void Narrower_heads_turn_in_PyTorch_as_the_configuration_says()
    {
        ReferenceNetwork reference = new("llama", _folder["made"]);
        Directory.CreateDirectory(_folder["made"]);
        string path = reference.Make().Safetensors, grams = _folder["grams.safetensors"];
        reference.Grams(path, grams);
        ResizeOptions options = new() { HeadSize = 10, OutputPath = _folder["narrow"], Calibration = new CalibrationOptions { Path = grams } };
        ResizeResult one = new ResizeModel(options).Run(new ModelLocator().Find(path)[0]);
        ResizeResult two = new ResizeModel(options with { ValueSize = 7, OutputPath = _folder["own"] }).Run(new ModelLocator().Find(path)[0]);
        IReadOnlyList<Dictionary<string, (long[] Shape, float[] Values)>> expected = reference.Outputs(one.Path, two.Path);
        Compare(reference, one.Path, expected[0], pairs: 0, one.Parameters);
        Compare(reference, two.Path, expected[1], pairs: 0, two.Parameters);
    }

    private FactorizationResult Factorize(string path, ModelFormat format, LayerSelection selection)
    {
        FactorizeOptions options = new()
        {
            Rule = new RankRule.Fixed(Rank),
            FirstBias = format == ModelFormat.PyTorch,
            Format = format,
            Selection = selection,
            OutputPath = _folder["small"],
        };
        return new FactorizeModel(options).Run(new ModelLocator().Find(path)[0]);
    }

    private static void Compare(ReferenceNetwork reference, string weights, Dictionary<string, (long[] Shape, float[] Values)> expected, int pairs, long parameters)
    {
        using RunnableModel model = RunnableModel.Open(weights);
        Assert.Equal((pairs, parameters), (model.PairLayers.Count, model.Parameters));
        using NetworkOutput output = model.Forward(reference.Inputs(model.Config));
        foreach ((string name, (_, float[] values)) in expected)
        {
            ITensor? ours = name switch { "hidden" => output.Hidden, "pooled" => output.Pooled, "logits" => output.Logits, _ => null };
            if (name == "encoded")
                continue; // on the way to the decoder's states
            Assert.NotNull(ours);
            Assert.InRange(TestModel.RelativeError(values, model.Engine.ToArray(ours)), 0, Tolerance);
        }
    }
}
