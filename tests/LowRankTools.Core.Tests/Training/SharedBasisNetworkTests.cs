using LowRankTools.Core.Architectures;
using LowRankTools.Core.Comparison;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Core.Tokens;
using LowRankTools.Core.Training;
using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Layers;

namespace LowRankTools.Core.Tests.Training;

/// <summary>A model whose layers share bases runs as the dense model that it merges to, and holds each basis once, trained or not.</summary>
public sealed class SharedBasisNetworkTests : IDisposable
{
    private static readonly LlamaConfig s_llama = new() { Vocabulary = 40, Width = 16, Depth = 4, Heads = 2, KeyValueHeads = 1, HeadWidth = 8, Hidden = 24 };

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<TransformerConfig> Configurations =>
    [
        new BertConfig { Vocabulary = 40, Width = 16, Depth = 3, Heads = 2, Hidden = 32, Positions = 12 },
        new Gpt2Config { Vocabulary = 40, Positions = 12, Width = 16, Depth = 2, Heads = 2, Hidden = 32 },
        s_llama,
    ];

    [Theory]
    [MemberData(nameof(Configurations))]
    public void It_runs_as_what_it_merges_to_and_counts_each_basis_once(TransformerConfig config)
    {
        (_, ModelSource small) = Models(config);
        MergeResult merged = new MergeModel(new MergeOptions { OutputPath = _folder["merged"] }).Run(small);
        using RunnableModel shared = RunnableModel.Open(small), whole = RunnableModel.Open(new ModelSource(merged.Path, "merged"));
        Assert.Equal(CountParameters.Run(small).Parameters, shared.Parameters);
        LowRankLinear[] pairs = [.. shared.Network.Modules().Select(m => m.Module).OfType<LowRankLinear>()];
        Assert.InRange(pairs.Select(p => p.First.Weight).Distinct().Count(), 1, pairs.Length - 1);
        NetworkBatch batch = NetworkBatch.MadeUp(config, 2, 10, seed: 3);
        using NetworkOutput one = shared.Forward(batch), other = whole.Forward(batch);
        double[] values = shared.Engine.ToArray(one.Result), expected = whole.Engine.ToArray(other.Result);
        double scale = expected.Max(Math.Abs);
        Assert.All(values.Zip(expected), v => Assert.InRange(v.First - v.Second, -1e-4 * scale, 1e-4 * scale));
    }

    [Fact]
    public void Training_keeps_the_basis_shared_and_measures_the_record_anew()
    {
        (ModelSource dense, ModelSource small) = Models(s_llama);
        OptimizeResult result = new OptimizeModel(new OptimizeOptions { Input = new InputText { TokenPath = _folder["tokens.txt"] }, Steps = 40, LearningRate = 3e-3, BatchSize = 8 }, dense).Run(small);
        Assert.True(result.LossAfter < result.LossBefore, $"the loss went from {result.LossBefore} to {result.LossAfter}");
        ModelSource after = new(result.Path, "after");
        Assert.Equal(CountParameters.Run(small).Parameters, CountParameters.Run(after).Parameters);
        TensorDifference[] differences = [.. new CompareModels(withRank: false).Run(dense, after)];
        using Model before = Model.Open(small), trained = Model.Open(after);
        foreach ((FactorizedLayerRecord then, FactorizedLayerRecord now) in before.Record!.Layers.Zip(trained.Record!.Layers))
        {
            Assert.Equal((then.Name, then.Basis), (now.Name, now.Basis));
            Assert.Equal(differences.Single(d => d.Name == now.Name).RelativeError!.Value, now.RelativeError, 1e-4);
            Assert.NotEqual(then.RelativeError, now.RelativeError);
        }
    }

    private (ModelSource Dense, ModelSource Small) Models(TransformerConfig config)
    {
        Random random = new(1);
        File.WriteAllLines(_folder["tokens.txt"], Enumerable.Range(0, 80).Select(_ => string.Join(' ', Enumerable.Range(0, 3 + random.Next(8)).Select(_ => (int)(40 * Math.Pow(random.NextDouble(), 2))))));
        ModelSource dense = new ModelFolder(config).Write(_folder["dense"]);
        FactorizationResult small = new FactorizeModel(new FactorizeOptions { Rule = new RankRule.Fixed(3), ShareBasis = 2, OutputPath = _folder["small"] }).Run(dense);
        return (dense, new ModelSource(small.Path, "small"));
    }
}
