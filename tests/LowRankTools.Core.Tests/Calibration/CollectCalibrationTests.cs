using LowRankTools.Core.Architectures;
using LowRankTools.Core.Calibration.Collecting;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Formats.Tests.Peers;
using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Tests.Calibration;

/// <summary>What our networks collect of themselves is what was fed to their layers, and serves a factorization.</summary>
public sealed class CollectCalibrationTests : IDisposable
{
    private static readonly LlamaConfig s_config = new() { Vocabulary = 40, Width = 32, Depth = 2, Heads = 4, KeyValueHeads = 2, HeadWidth = 8, Hidden = 48 };

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_loss_that_a_factorization_reports_is_that_of_the_layers_outputs()
    {
        ModelSource dense = new ModelFolder(s_config).Write(_folder["model"]);
        using RunnableModel model = RunnableModel.Open(dense);
        NetworkBatch[] batches = [NetworkBatch.MadeUp(s_config, 3, 40, 1), NetworkBatch.MadeUp(s_config, 2, 25, 2)], heldOut = [NetworkBatch.MadeUp(s_config, 2, 30, 3)];
        CollectedCalibration collected = new CollectCalibration(model).Run(batches, heldOut, _folder["grams.safetensors"]);
        Assert.Equal((15, 170, 60), (collected.Layers, collected.Tokens, collected.HeldOutTokens));

        FactorizeOptions options = new() { Rule = new RankRule.Fixed(6), Calibration = new CalibrationOptions { Path = collected.Path }, OutputPath = _folder["small"] };
        FactorizationResult small = new FactorizeModel(options).Run(dense);
        Assert.Empty(small.Uncalibrated);
        using RunnableModel pairs = RunnableModel.Open(small.Path);
        LayerFactorization first = small.Layers.Single(l => l.Name == "model.layers.0.self_attn.q_proj.weight");
        Assert.Equal(first.CalibratedError!.Value, LossOfFirstQueries(model, pairs, batches), 1e-4);
        Assert.Equal(first.HeldOutError!.Value, LossOfFirstQueries(model, pairs, heldOut), 1e-4);
    }

    [PythonFact("torch")]
    public void Sums_equal_those_that_hooks_of_PyTorch_collect()
    {
        Directory.CreateDirectory(_folder["made"]);
        Architectures.ReferenceNetwork reference = new("llama", _folder["made"]);
        string path = reference.Make().Safetensors;
        reference.Grams(path, _folder["theirs.safetensors"]);
        using RunnableModel model = RunnableModel.Open(path);
        new CollectCalibration(model).Run([reference.Inputs(model.Config)], [], _folder["ours.safetensors"]);
        Dictionary<string, (long[] Shape, float[] Values)> ours = TestModel.Read(_folder["ours.safetensors"]), theirs = TestModel.Read(_folder["theirs.safetensors"]);
        string[] grams = [.. ours.Keys.Where(k => k.EndsWith(".gram", StringComparison.Ordinal))];
        Assert.Equal(15, grams.Length);
        foreach (string name in grams)
            Assert.InRange(TestModel.RelativeError(theirs[name].Values, [.. ours[name].Values.Select(v => (double)v)]), 0, 1e-5);
    }

    [Fact]
    public void Filled_pairs_and_nothing_at_all_are_refused_and_files_are_kept()
    {
        using RunnableModel model = RunnableModel.Open(new ModelFolder(s_config).Write(_folder["model"]));
        CollectCalibration collect = new(model);
        PairBatch filled = new(new TokenBatch([1, 2, 3, 4], 2) { Mask = [true, true, true, false] }, new TokenBatch([1, 2, 3, 4], 2));
        string path = _folder["grams.safetensors"];
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => collect.Run([filled], [], path)).ErrorId);
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => collect.Run([], [], path)).ErrorId);
        File.WriteAllText(path, "mine");
        Assert.Equal(CoreErrors.OutputExists, Assert.Throws<LowRankToolsException>(() => collect.Run([new TokenBatch([1, 2])], [], path)).ErrorId);
        Assert.Equal("mine", File.ReadAllText(path));
    }

    /// <summary>||(W - W') X|| / ||W X|| of the first layer's queries, from what both layers make of the same inputs.</summary>
    private static double LossOfFirstQueries(RunnableModel dense, RunnableModel pairs, NetworkBatch[] batches)
    {
        const string name = "model.layers.0.self_attn.q_proj";
        Linear layer = (Linear)dense.Network.Modules().Single(m => m.Name == name).Module;
        LowRankLinear pair = (LowRankLinear)pairs.Network.Modules().Single(m => m.Name == name).Module;
        double lost = 0, total = 0;
        foreach (NetworkBatch batch in batches)
        {
            using Pass pass = Pass.Inference(dense.Engine), other = Pass.Inference(pairs.Engine);
            pass.LinearInput = (linear, x) =>
            {
                if (linear != layer)
                    return;
                using ITensor plain = dense.Engine.Copy(x, x.ElementType);
                using Pass inner = Pass.Inference(dense.Engine);
                using ITensor expected = layer.Forward(inner, plain), actual = pair.Forward(other, plain);
                double[] a = dense.Engine.ToArray(expected), b = dense.Engine.ToArray(actual);
                lost += a.Zip(b, (u, v) => (u - v) * (u - v)).Sum();
                total += a.Sum(u => u * u);
            };
            dense.Network.Forward(pass, batch).Dispose();
        }
        return Math.Sqrt(lost / total);
    }
}
