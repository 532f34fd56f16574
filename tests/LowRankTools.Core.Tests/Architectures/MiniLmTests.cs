using LowRankTools.Core.Architectures;
using LowRankTools.Core.Calibration.Collecting;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Resizing;
using LowRankTools.Formats;
using LowRankTools.Formats.Tests.Peers;
using LowRankTools.Networks.Architectures;
using Microsoft.ML.OnnxRuntime;

namespace LowRankTools.Core.Tests.Architectures;

/// <summary>all-MiniLM-L6-v2, published as a graph, runs as the BERT that it is.</summary>
public sealed class MiniLmTests : IDisposable
{
    private const int Sequences = 2, Length = 9;

    private static readonly int[] s_ids = [101, 2023, 2003, 1037, 6251, 2055, 5055, 1012, 102, 101, 7592, 2088, 102, 0, 0, 0, 0, 0];

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [RealModelFact(RealModels.MiniLm)]
    public void Its_states_are_those_of_ONNX_Runtime()
    {
        using RunnableModel model = RunnableModel.Open(RealModels.Path(RealModels.MiniLm));
        Assert.Equal(22_713_216, model.Parameters);
        AssertAlike(Run(RealModels.Path(RealModels.MiniLm), "last_hidden_state"), States(model), 1e-5);
    }

    [RealModelFact(RealModels.MiniLm)]
    public void With_pairs_it_is_written_as_a_network_and_as_a_graph_that_answer_alike()
    {
        ModelSource source = new(RealModels.Path(RealModels.MiniLm), "model");
        FactorizationResult Factorize(ModelFormat format) => new FactorizeModel(new FactorizeOptions
        {
            Rule = new RankRule.KeepRatio(0.6), Selection = new LayerSelection { Include = [n => n.Contains(".2.", StringComparison.Ordinal)] }, OutputPath = _folder[format.ToString()], Format = format, UseCache = false,
        }).Run(source);
        FactorizationResult network = Factorize(ModelFormat.Safetensors), graph = Factorize(ModelFormat.Onnx);
        Assert.Equal(6, network.FactorizedLayers);
        using RunnableModel small = RunnableModel.Open(network.Path);
        Assert.Equal(6, small.PairLayers.Count);
        double[] states = States(small), original = Run(source.Path, "last_hidden_state");
        AssertAlike(Run(graph.Path, "last_hidden_state"), states, 1e-5);
        Assert.True(states.Zip(original, (x, y) => Math.Abs(x - y)).Max() > 0.01, "the pairs changed nothing: the comparison shows nothing");

        // Made dense again, it is a network still: matrices stand as PyTorch's do.
        using RunnableModel merged = RunnableModel.Open(new MergeModel(new MergeOptions { OutputPath = _folder["merged"] }).Run(new ModelSource(network.Path, "model")).Path);
        AssertAlike(states, States(merged), 1e-5);
    }

    [RealModelFact(RealModels.MiniLm)]
    public void Narrower_it_answers_as_before_on_fewer_tokens_than_units_stay()
    {
        ModelSource source = new(RealModels.Path(RealModels.MiniLm), "model");
        using RunnableModel model = RunnableModel.Open(source);
        TokenBatch batch = new(s_ids, Sequences) { Mask = [.. s_ids.Select(id => id != 0)] };
        new CollectCalibration(model).Run([batch], [], _folder["c.safetensors"]);
        ResizeResult narrow = new ResizeModel(new ResizeOptions { HiddenSize = 128, Selection = UnitSelection.Leverage, OutputPath = _folder["narrow"], Calibration = new CalibrationOptions { Path = _folder["c.safetensors"], Damping = 1e-9 } }).Run(source);
        Assert.Equal((1536, 128, 6), (narrow.HiddenBefore, narrow.Hidden, narrow.ResizedParts));
        using RunnableModel small = RunnableModel.Open(narrow.Path);
        Assert.Equal(model.Parameters - small.Parameters, narrow.ParametersBefore - narrow.Parameters);
        // Fourteen tokens span no more directions: those that stay make the rest of them.
        AssertAlike(States(model), States(small), 2e-2);
    }

    private static double[] States(RunnableModel model)
    {
        bool[] mask = [.. s_ids.Select(id => id != 0)];
        using NetworkOutput output = model.Forward(new TokenBatch(s_ids, Sequences) { Mask = mask });
        return Told(model.Engine.ToArray(output.Hidden), mask);
    }

    private static double[] Run(string path, string output)
    {
        using InferenceSession session = new(path);
        long[] ids = Array.ConvertAll(s_ids, id => (long)id), mask = [.. ids.Select(id => id != 0 ? 1L : 0)], types = new long[ids.Length], shape = [Sequences, Length];
        using OrtValue a = OrtValue.CreateTensorValueFromMemory(ids, shape), b = OrtValue.CreateTensorValueFromMemory(mask, shape), c = OrtValue.CreateTensorValueFromMemory(types, shape);
        using RunOptions run = new();
        using IDisposableReadOnlyCollection<OrtValue> answers = session.Run(run, ["input_ids", "attention_mask", "token_type_ids"], [a, b, c], [output]);
        return Told([.. answers[0].GetTensorDataAsSpan<float>().ToArray().Select(v => (double)v)], [.. ids.Select(id => id != 0)]);
    }

    /// <summary>The states of tokens that are no fill.</summary>
    private static double[] Told(double[] states, bool[] mask)
    {
        int width = states.Length / mask.Length;
        return [.. states.Where((_, i) => mask[i / width])];
    }

    private static void AssertAlike(double[] expected, double[] found, double tolerance)
    {
        Assert.Equal(expected.Length, found.Length);
        double scale = expected.Max(Math.Abs);
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], found[i], tolerance * scale);
    }
}
